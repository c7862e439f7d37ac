# Two slots for the program, so that a new version never touches the one that runs.
#
#   /opt/serd              a link to the slot in use; the unit starts /opt/serd/bin/serd
#   /opt/serd-slots/a, b   a virtual environment each, with the units of its version in systemd/
#
# A slot with the file "healthy" has been tried. The link changes in one step. An installation that is
# cut leaves the link on a complete slot or away, and mend_slots puts right what is left.
# The script that reads this file sets $root, $source and $unit.

link=$root/opt/serd
slots=$root/opt/serd-slots

# Waits for another installation, and keeps later ones out until the script ends.
lock_slots() {
    mkdir -p "$slots"
    exec 9>"$slots/lock"
    if ! flock --timeout 120 9; then
        say "another installation has been at work for two minutes; try again when it has ended"
        exit 1
    fi
}

# Prints the path of the slot in use; nothing if there is none.
slot_in_use() {
    if [ -L "$link" ]; then
        echo "$slots/$(basename "$(readlink "$link")")"
    fi
}

other_slot() {
    if [ "$1" = "$slots/a" ]; then echo "$slots/b"; else echo "$slots/a"; fi
}

# Makes a slot the one in use, with its unit.
use_slot() {
    # What the link names must be on the disk before the link.
    sync -f "$slots"
    ln -sfn "serd-slots/$(basename "$1")" "$link.new"
    mv -fT "$link.new" "$link"
    if [ -e "$1/$source" ]; then
        replace_file 644 "$1/$source" "$unit"
    fi
}

# Ends what an earlier installation left when it was cut, or before there were slots.
mend_slots() {
    if [ -d "$link" ] && [ ! -L "$link" ]; then
        adopt_folder
    fi
    local current tried
    current=$(slot_in_use)
    if [ -n "$current" ] && [ -e "$current/healthy" ]; then
        if [ -e "$unit" ] && ! cmp -s "$current/$source" "$unit"; then
            use_slot "$current"
        fi
        return
    fi
    for tried in "$slots/a" "$slots/b"; do
        if [ -e "$tried/healthy" ]; then
            say "an earlier installation was cut; the version before it is in use again"
            use_slot "$tried"
            if is_running; then
                systemctl daemon-reload
                systemctl try-restart --no-block serd.service
            fi
            return
        fi
    done
}

# Turns a folder at /opt/serd into a slot. It was the virtual environment itself before there were slots.
adopt_folder() {
    if [ -x "$link/bin/serd" ]; then
        mkdir -p "$link/systemd"
        if [ -e "$unit" ]; then
            cp "$unit" "$link/$source"
        fi
        touch "$link/healthy"
        rm -rf "$slots/a"
        mv -T "$link" "$slots/a"
    elif [ -e "$link/pyvenv.cfg" ]; then
        rm -rf "$link"
    elif ! rmdir "$link" 2>/dev/null; then
        say "$link is a folder that serd has not made; move it away and try again"
        exit 1
    fi
}

# Notes that a slot has been tried, and removes the other.
keep_slot() {
    touch "$1/healthy"
    sync -f "$slots"
    rm -rf "$(other_slot "$1")"
}

remove_slots() {
    if [ -L "$link" ] || [ -e "$link/pyvenv.cfg" ]; then
        rm -rf "$link"
    fi
    rm -rf "$link.new" "$slots"
}

# Writes a file in one step: mode, source, target.
replace_file() {
    install -D -m "$1" "$2" "$3.new"
    mv -fT "$3.new" "$3"
}
