package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/hustings/hustings/dialer"
)

// RestoreOptions say which backup is put back, and where.
type RestoreOptions struct {
	Folder string
	Paths  Paths
	// Keys must be those that the backup's files were made with; the directory may be
	// from before the last rotation of the seal key.
	Keys *Keys
	// KeepDirectory leaves the directory that is there in its place.
	KeepDirectory bool
	// Progress, if set, is told how many bytes are done, of how many.
	Progress func(done, total int64)
}

// RestoredStore says what a restore has done.
type RestoredStore struct {
	Manifest Manifest `json:"manifest"`
	// Aside are the files that were in the way, under the names they have now.
	Aside []string `json:"aside,omitempty"`
}

// ErrNoBackup is wrapped where a folder is no whole backup.
var ErrNoBackup = errors.New("this is no whole backup")

// Restore puts a backup's files in place, with the daemon stopped. Nothing is
// changed before all of them are there whole, as the manifest wants them, and
// readable with the keys. What is in the way is kept under another name. Journal,
// mark, reports and keys are not touched.
func Restore(ctx context.Context, options RestoreOptions) (*RestoredStore, error) {
	r := &restore{ctx: ctx, options: options}
	manifest, err := ReadManifest(options.Folder)
	if err != nil {
		return nil, fmt.Errorf("restore from %s: %w", options.Folder, err)
	}
	free, err := holdStore(options.Paths.Ledger)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	// What is moved aside must open again: its key stays, under its final name.
	if _, err = SettleKeys(options.Paths); err == nil {
		err = r.do(manifest)
	}
	if err := errors.Join(err, r.dropTemps(), free()); err != nil {
		return nil, fmt.Errorf("restore from %s: %w", options.Folder, err)
	}
	return &RestoredStore{Manifest: *manifest, Aside: r.aside}, nil
}

// ReadManifest reads what a backup says of itself.
func ReadManifest(folder string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(folder, backupManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: it has no %s", ErrNoBackup, backupManifest)
	}
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%w: its %s cannot be read", ErrNoBackup, backupManifest)
	}
	switch {
	case m.Format != backupFormat || m.LedgerSchema > ledgerSchema || m.DirectorySchema > directorySchema:
		return nil, fmt.Errorf("%w: a newer program has made it (%s); run that one", ErrNoBackup, m.Program)
	case m.file(backupLedger) == nil:
		return nil, fmt.Errorf("%w: its %s names no ledger", ErrNoBackup, backupManifest)
	}
	return m, nil
}

func (m *Manifest) file(name string) *BackupFile {
	for i := range m.Files {
		if m.Files[i].Name == name {
			return &m.Files[i]
		}
	}
	return nil
}

// holdStore keeps a daemon from opening the ledger meanwhile, and refuses where
// one has it open. A ledger that is too damaged to be opened is held all the same.
func holdStore(path string) (free func() error, err error) {
	nothing := func() error { return nil }
	there, err := exists(path)
	if err != nil || !there {
		return nothing, err
	}
	db, err := openFile(path, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoStatistics: true})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s has this store open; stop it first", err, readOwner(path))
	case err != nil:
		return nothing, nil //nolint:nilerr // its damage may be why it is restored
	}
	return db.Close, nil
}

// restore is one backup being put back.
type restore struct {
	ctx     context.Context // of the one call of Restore
	options RestoreOptions
	temps   []string
	aside   []string
	done    int64
	total   int64
}

// placed is a file of the backup that lies beside its place.
type placed struct{ temp, path string }

func (r *restore) do(m *Manifest) error {
	wanted := []placed{{path: r.options.Paths.Ledger}}
	names := []string{backupLedger}
	if !r.options.KeepDirectory && m.file(backupDirectory) != nil {
		// The directory goes first: the ledger's new name is the moment from which
		// the store is the restored one.
		wanted, names = append([]placed{{path: r.options.Paths.Directory}}, wanted...), append([]string{backupDirectory}, names...)
	}
	for i, name := range names {
		r.total += m.file(name).Size
		if err := os.MkdirAll(filepath.Dir(wanted[i].path), 0o700); err != nil {
			return err
		}
	}
	for i, name := range names {
		temp, err := r.fetch(m.file(name), wanted[i].path)
		if err != nil {
			return fmt.Errorf("fetch %s: %w", name, err)
		}
		wanted[i].temp = temp
		if err := r.inspect(name, temp); err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
	}
	now := time.Now().UTC().Format("20060102T150405Z")
	for _, file := range wanted {
		if err := r.place(file, now); err != nil {
			return err
		}
	}
	return nil
}

// fetch copies a file of the backup beside its place, and refuses it where it is
// not as the manifest wants it.
func (r *restore) fetch(file *BackupFile, path string) (string, error) {
	source, err := os.Open(filepath.Join(r.options.Folder, file.Name))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoBackup, err)
	}
	defer func() { _ = source.Close() }() // only read
	temp, err := createTemp(path)
	if err != nil {
		return "", err
	}
	r.temps = append(r.temps, temp)
	f, err := os.OpenFile(temp, os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum, writerFunc(r.count)), source)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if got := fileOf(file.Name, n, sum); *got != *file {
		return "", fmt.Errorf("%w: it has %d bytes and a checksum that begins with %.12s, and the manifest wants %d and %.12s",
			ErrNoBackup, got.Size, got.SHA256, file.Size, file.SHA256)
	}
	return temp, nil
}

func (r *restore) count(p []byte) (int, error) {
	r.done += int64(len(p))
	if r.options.Progress != nil {
		r.options.Progress(r.done, r.total)
	}
	return len(p), r.ctx.Err()
}

// inspect refuses a file that the keys do not fit, and a ledger that nobody would
// recognise as a restored one.
func (r *restore) inspect(name, path string) error {
	db, err := openFile(path, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return err
	}
	err = db.View(func(btx *bolt.Tx) error {
		if name == backupDirectory {
			_, err := readTables(btx, r.options.Keys)
			return err
		}
		if err := readHead(btx, r.options.Keys); err != nil {
			return err
		}
		if btx.Bucket(bucketKeys[dialer.BucketMeta]).Get([]byte(dialer.MetaBackup)) == nil {
			return fmt.Errorf("%w: the ledger is not marked as a backup", ErrNoBackup)
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// place gives the file its name. What had it keeps another one: at no instant
// is there neither.
func (r *restore) place(file placed, now string) error {
	aside := file.path + ".before-restore-" + now
	err := os.Link(file.path, aside)
	for n := 2; errors.Is(err, fs.ErrExist); n++ { // the last restore was within this second
		aside = fmt.Sprintf("%s.before-restore-%s-%d", file.path, now, n)
		err = os.Link(file.path, aside)
	}
	switch {
	case err == nil:
		r.aside = append(r.aside, aside)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("keep the old file: %w", err)
	}
	if err := os.Rename(file.temp, file.path); err != nil {
		return fmt.Errorf("put the file in place: %w", err)
	}
	return syncDir(filepath.Dir(file.path))
}

func (r *restore) dropTemps() error {
	var err error
	for _, temp := range r.temps {
		err = errors.Join(err, removeIfThere(temp))
	}
	return err
}
