-- A file of version 2, with an utterance, a window, a change of state and a mark. Never change it.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE event (
        number INTEGER PRIMARY KEY,     -- in the order of storing
        time_s REAL NOT NULL,           -- end of the sound, in seconds since 1970
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        node TEXT NOT NULL,
        source TEXT NOT NULL,
        emotion TEXT NOT NULL,
        confidence REAL NOT NULL,
        scores BLOB NOT NULL,           -- ten-thousandths, 16 bits each, little-endian
        valence TEXT NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        speech_ratio REAL NOT NULL,
        level_dbfs REAL NOT NULL,
        latency_ms REAL NOT NULL,
        model INTEGER NOT NULL REFERENCES model (number),
        valence_dimension REAL,
        arousal_dimension REAL,
        is_provisional INTEGER NOT NULL
    ) STRICT
    ;
INSERT INTO "event" VALUES(1,1795867200.0,'1','utterance','pi','mic','happy',0.87,X'FC211405','positive',10.0,13.0,0.9,-23.5,4.2,1,0.5,-0.25,0);
INSERT INTO "event" VALUES(2,1795867230.0,'2','window','pi','mic','angry',0.6,X'7017A00F','negative',10.0,13.0,0.9,-23.5,4.2,2,0.5,-0.25,0);
CREATE TABLE model (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        labels TEXT NOT NULL,           -- JSON list; the order of the scores
        UNIQUE (name, version, sha256, labels)
    ) STRICT
    ;
INSERT INTO "model" VALUES(1,'serd-ravdess8','1.0.0','0000000000000000000000000000000000000000000000000000000000000000','["happy", "sad"]');
INSERT INTO "model" VALUES(2,'serd-ravdess8','1.0.0','0000000000000000000000000000000000000000000000000000000000000000','["angry", "sad"]');
CREATE TABLE state_change (
        number INTEGER PRIMARY KEY,     -- in the order of storing
        time_s REAL NOT NULL,           -- in seconds since 1970
        source TEXT NOT NULL,
        state TEXT NOT NULL,            -- online, offline, muted or unmuted
        reason TEXT NOT NULL
    ) STRICT
    ;
INSERT INTO "state_change" VALUES(1,1795867240.0,'mic','offline','unplugged');
CREATE TABLE mark (
        id TEXT PRIMARY KEY,            -- of the event, which may be deleted meanwhile
        time_s REAL NOT NULL,           -- end of the sound, in seconds since 1970
        source TEXT NOT NULL,
        heard TEXT NOT NULL,            -- emotion of the event
        emotion TEXT NOT NULL,          -- what it was by ear; empty if only known to be wrong
        file TEXT NOT NULL              -- name of the sound in the folder "marks"
    ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "mark" VALUES('2',1795867230.0,'mic','angry','sad','2026-11-28T120030.000p0000-mic-angry-2.wav');
CREATE INDEX event_by_time ON event (time_s);
CREATE INDEX state_change_by_time ON state_change (time_s);
COMMIT;
