package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
)

// A backup is a folder with a copy of the ledger, one of the directory where
// there is one, and a manifest that says what both must be. Journal, reports and
// keys are not in it: journal and reports must not go back in time with the
// ledger, and whoever has a backup must not have the keys with it.
const (
	backupLedger    = "ledger.db"
	backupDirectory = "directory.db"
	backupManifest  = "manifest.json"
	backupFormat    = 1
)

// Manifest is what a backup says of itself.
type Manifest struct {
	Format          int    `json:"format"`
	LedgerSchema    uint32 `json:"ledger_schema"`
	DirectorySchema uint32 `json:"directory_schema"`
	// MadeAt is real time, At the campaigns' own.
	MadeAt time.Time `json:"made_at"`
	At     time.Time `json:"at"`
	// By is the operator who asked for it, Program what made it.
	By      string       `json:"by,omitempty"`
	Program string       `json:"program,omitempty"`
	Files   []BackupFile `json:"files"`
}

// BackupFile is one file of a backup.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// BackupOptions say what is copied, and where.
type BackupOptions struct {
	// Folder must not be there yet.
	Folder string
	Ledger *Ledger
	// Directory is the path of the directory file, which may not be there.
	Directory string
	At        time.Time
	By        string
	Program   string
	// Progress, if set, is told how many bytes are done, of about how many.
	Progress func(done, total int64)
}

// ErrBackupExists is wrapped where a backup would have to replace something.
var ErrBackupExists = errors.New("it is there already")

// Backup copies ledger and directory while moves go on. The folder appears under
// its name once all of it is on disk, or not at all. The copy of the ledger is
// marked inside as what it is: see dialer.BackupNote.
func Backup(ctx context.Context, options BackupOptions) (*Manifest, error) {
	b := &backup{ctx: ctx, options: options, temp: options.Folder + tempSuffix}
	manifest, err := b.make()
	if err != nil {
		// What is half a backup has no name of its own, and is of no use.
		return nil, errors.Join(fmt.Errorf("make backup %s: %w", options.Folder, err), b.drop())
	}
	return manifest, nil
}

// backup is one backup being made, in a folder that is not called so yet.
type backup struct {
	ctx     context.Context // of the one call of Backup
	options BackupOptions
	temp    string
	made    bool
	done    int64
	total   int64
}

func (b *backup) make() (*Manifest, error) {
	for _, path := range []string{b.options.Folder, b.temp} {
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrBackupExists, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err := os.Mkdir(b.temp, 0o700); err != nil {
		return nil, err
	}
	b.made = true
	manifest := &Manifest{
		Format: backupFormat, LedgerSchema: ledgerSchema, DirectorySchema: directorySchema,
		MadeAt: time.Now().UTC(), At: b.options.At.UTC(), By: b.options.By, Program: b.options.Program,
	}
	for _, step := range []func() (*BackupFile, error){b.ledger, b.directory} {
		file, err := step()
		if err != nil {
			return nil, err
		}
		if file != nil {
			manifest.Files = append(manifest.Files, *file)
		}
	}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	if err := writeSynced(filepath.Join(b.temp, backupManifest), append(text, '\n')); err != nil {
		return nil, err
	}
	return manifest, b.publish()
}

func (b *backup) publish() error {
	if err := syncDir(b.temp); err != nil {
		return err
	}
	if err := os.Rename(b.temp, b.options.Folder); err != nil {
		return fmt.Errorf("give the backup its name: %w", err)
	}
	return syncDir(filepath.Dir(b.options.Folder))
}

func (b *backup) drop() error {
	if !b.made {
		return nil
	}
	return os.RemoveAll(b.temp)
}

// ledger copies one consistent state, and marks the copy.
func (b *backup) ledger() (*BackupFile, error) {
	path := filepath.Join(b.temp, backupLedger)
	size, err := b.options.Ledger.size()
	if err != nil {
		return nil, err
	}
	b.total = 2 * size // it is read again for its checksum
	if info, err := os.Stat(b.options.Directory); err == nil {
		b.total += info.Size()
	}
	err = b.write(path, func(w io.Writer) error {
		_, err := b.options.Ledger.WriteTo(w)
		return err
	})
	if err == nil {
		err = markBackup(path, dialer.BackupNote{At: b.options.At.UTC()})
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, b.counter()), f)
	if err != nil {
		return nil, fmt.Errorf("read the copy again: %w", err)
	}
	return fileOf(backupLedger, n, sum), nil
}

// directory copies the directory file; it never changes, and an import that puts
// another in its place leaves this one whole.
func (b *backup) directory() (*BackupFile, error) {
	source, err := os.Open(b.options.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no contacts were imported yet
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }() // only read
	sum := sha256.New()
	var n int64
	err = b.write(filepath.Join(b.temp, backupDirectory), func(w io.Writer) error {
		n, err = io.Copy(io.MultiWriter(w, sum), source)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fileOf(backupDirectory, n, sum), nil
}

func fileOf(name string, size int64, sum hash.Hash) *BackupFile {
	return &BackupFile{name, size, hex.EncodeToString(sum.Sum(nil))}
}

// write makes a new file of what fill writes, and brings it to disk.
func (b *backup) write(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(io.MultiWriter(f, b.counter()))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// counter tells the progress, and ends the work with its context.
func (b *backup) counter() io.Writer { return writerFunc(b.count) }

func (b *backup) count(p []byte) (int, error) {
	b.done += int64(len(p))
	b.total = max(b.total, b.done)
	if b.options.Progress != nil {
		b.options.Progress(b.done, b.total)
	}
	return len(p), b.ctx.Err()
}

type writerFunc func([]byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// markBackup notes in a copy of the ledger that it is one.
func markBackup(path string, note dialer.BackupNote) error {
	row, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("mark the copy as a backup: %w", err)
	}
	db, err := openFile(path, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("mark the copy as a backup: %w", err)
	}
	err = db.Update(func(btx *bolt.Tx) error {
		return btx.Bucket(bucketKeys[dialer.BucketMeta]).Put([]byte(dialer.MetaBackup), row)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("mark the copy as a backup: %w", err)
	}
	return nil
}

// size returns how many bytes a copy of the ledger has.
func (l *Ledger) size() (size int64, err error) {
	err = l.db.View(func(btx *bolt.Tx) error {
		size = btx.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look at ledger: %w", err)
	}
	return size, nil
}
