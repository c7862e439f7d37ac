/* A plug-in of qemu-user for arm64 that counts the instructions of a program, all threads together. Each
   time the program calls getsid (in Python: os.getsid(0)), it adds a line with the count to a file. Its
   declarations are those of version 1 of the interface (QEMU 4.2 to 8.1), for which Debian 12 has no header
   file.

       cc -O2 -fPIC -shared -o count.so scripts/count_instructions.c
       qemu-aarch64 -plugin ./count.so,out=FILE PROGRAM */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
typedef void (*on_translation)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*on_execution)(unsigned int cpu, void *n_instructions);
typedef void (*on_call)(uint64_t id, unsigned int cpu, int64_t number, uint64_t, uint64_t, uint64_t,
    uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_translation call);
extern void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *block, on_execution call, int flags, void *argument);
extern void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, on_call call);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

enum { GETSID = 156 };
int qemu_plugin_version = 1;
static uint64_t n_executed;
static FILE *out;

static void executed(unsigned int cpu, void *n_instructions)
{
    (void)cpu;
    __atomic_fetch_add(&n_executed, (uint64_t)(uintptr_t)n_instructions, __ATOMIC_RELAXED);
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0, (void *)qemu_plugin_tb_n_insns(block));
}

static void called(uint64_t id, unsigned int cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == GETSID)
        fprintf(out, "%llu\n", (unsigned long long)n_executed);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0 || (out = fopen(argv[0] + 4, "w")) == NULL)
        return 1;
    setvbuf(out, NULL, _IONBF, 0);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
