package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/hustings/hustings/store"
)

// keyring is where the keys and the word on their backup lie.
type keyring struct {
	app  *app
	keys string
}

func (a *app) keyCommand() *cobra.Command {
	r := &keyring{app: a}
	command := group("key", "the keys of the store: make them, back them up, and prove that the backup opens",
		r.createCommand(), r.showCommand(), r.backupCommand(), r.confirmCommand(), r.restoreCommand(),
		a.keyRotateCommand(), a.keyRetireCommand())
	command.Long = `Without its keys nothing of a store can be read again: no number, and no objection of
anybody. They lie in a folder of their own, which no backup of the store takes along.
None of these verbs shows a key. rotate and retire are orders to a running daemon, and
the others need none.

  dialctl key backup --to age1... keys.age       encrypted to people, with age
  dialctl key confirm keys.age --identity ID     somebody opens it, and finds these keys
  dialctl key restore keys.age --identity ID     on another machine

With a real carrier the daemon does not start before a backup was confirmed.

  dialctl key rotate --reason WHY                another seal key, while the daemon works
  dialctl key retire --reason WHY --confirm      the former one goes for good`
	command.PersistentFlags().StringVar(&r.keys, "keys", "", "`folder` of the keys (default: keys in the data directory)")
	return command
}

func (r *keyring) paths() store.Paths {
	paths := store.PathsIn(r.app.data)
	if r.keys != "" {
		paths.Keys = r.keys
	}
	return paths
}

// load reads the keys that are there.
func (r *keyring) load() (*store.Keys, store.Paths, error) {
	paths := r.paths()
	keys, err := store.OpenKeys(paths)
	if err != nil {
		return nil, paths, withHint(err, "name the folder with --keys, or the daemon's data directory with --data-directory")
	}
	return keys, paths, nil
}

func (r *keyring) createCommand() *cobra.Command {
	return &cobra.Command{
		Use: "create", Short: "make the keys of a store that is still to be made", Args: wants(),
		RunE: func(*cobra.Command, []string) error {
			paths := r.paths()
			there, err := paths.Exist()
			if err == nil && there {
				err = withHint(fmt.Errorf("there is a store in %s already", r.app.data), "a new key would make every row of it unreadable")
			}
			if err != nil {
				return err
			}
			keys, err := store.LoadOrCreateKeys(paths.Keys, false)
			if err != nil {
				return failed("make the keys", err)
			}
			return r.show(keys, paths)
		},
	}
}

func (r *keyring) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "which keys are in use, and whether a backup of them was opened", Args: wants(),
		RunE: func(*cobra.Command, []string) error {
			keys, paths, err := r.load()
			if err != nil {
				return err
			}
			return r.show(keys, paths)
		},
	}
}

// keysShown is what is told of keys.
type keysShown struct {
	Folder      string `json:"folder"`
	Fingerprint string `json:"fingerprint"`
	// Former tells that the seal key before the last rotation is kept.
	Former    bool                `json:"former,omitempty"`
	Confirmed *store.Confirmation `json:"confirmed,omitempty"`
}

func (r *keyring) show(keys *store.Keys, paths store.Paths) error {
	shown := keysShown{Folder: paths.Keys, Fingerprint: keys.Fingerprint(), Former: keys.HasFormer()}
	confirmation, confirmed, err := keys.Confirmed(paths.KeysConfirmed)
	if err != nil {
		return err
	}
	backup := "none that anybody has opened: dialctl key backup, then dialctl key confirm"
	if confirmed {
		shown.Confirmed = &confirmation
		backup = "opened " + instant(confirmation.At) + ", SHA-256 " + confirmation.Backup
	}
	return r.app.result(shown, func(w io.Writer) error {
		rows := []string{cell("keys", shown.Folder), cell("fingerprint", shown.Fingerprint), cell("backup", backup)}
		if shown.Former {
			rows = append(rows, cell("former", "the seal key before the last rotation is kept: dialctl key retire lets go of it"))
		}
		return table(w, rows...)
	})
}

func (r *keyring) backupCommand() *cobra.Command {
	var to []string
	command := &cobra.Command{
		Use: "backup FILE", Short: "write the keys into a new file, encrypted to people with age", Args: wants("FILE"),
		Long: `backup writes all keys into one new file, encrypted with age to whoever --to names, and
to nobody else. age-keygen makes such a recipient, and the identity that opens the
file: keep that away from this machine. The file itself may lie anywhere but beside
the backups of the store.`,
		Example: "  dialctl key backup --to age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq --to age1... keys.age",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(to) == 0 {
				return usage("age-keygen prints one: --to age1...", "nobody could open the backup")
			}
			recipients, err := store.ParseRecipients(to)
			if err != nil {
				return usage("--to age1...", "%v", err)
			}
			keys, _, err := r.load()
			if err != nil {
				return err
			}
			var sealed bytes.Buffer
			if err := keys.Backup(&sealed, recipients...); err != nil {
				return err
			}
			file, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return failed("write the backup", err)
			}
			_, err = file.Write(sealed.Bytes())
			if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
				return failed("write the backup", err)
			}
			r.app.say("the keys are in %s, for %s: take it away, and confirm that it opens", args[0], plural(len(recipients), "person", "people"))
			return nil
		},
	}
	command.Flags().StringArrayVar(&to, "to", nil, "`recipient` of age, such as age1...; can be given again")
	return command
}

func (r *keyring) confirmCommand() *cobra.Command {
	var identity string
	command := &cobra.Command{
		Use: "confirm FILE", Short: "open a backup and note that it holds the keys in use", Args: wants("FILE"),
		Long: `confirm opens a backup with somebody's identity, compares each key in it with those in
use, and notes in the data directory that it was right: that note is what the daemon
asks for before it reaches real people. Other keys make it void.`,
		RunE: func(_ *cobra.Command, args []string) error {
			keys, paths, err := r.load()
			if err != nil {
				return err
			}
			backup, identities, err := r.open(args[0], identity)
			if err != nil {
				return err
			}
			if _, err := keys.Confirm(paths.KeysConfirmed, backup, time.Now(), identities...); err != nil {
				if errors.Is(err, store.ErrOtherKeys) || errors.Is(err, store.ErrNoFormerKey) {
					return withHint(err, "make a new one: dialctl key backup")
				}
				return failed("confirm the backup", err)
			}
			return r.show(keys, paths)
		},
	}
	identityFlag(command, &identity)
	return command
}

// open reads a backup, and the identities that may open it.
func (r *keyring) open(path, identity string) ([]byte, []age.Identity, error) {
	if identity == "" {
		return nil, nil, usage("--identity FILE, as age-keygen writes it", "nobody says how to open the backup")
	}
	backup, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, failed("read the backup", err)
	}
	file, err := os.Open(identity)
	if err != nil {
		return nil, nil, failed("read the identity", err)
	}
	defer func() { _ = file.Close() }()
	identities, err := age.ParseIdentities(file)
	if err != nil { // its words may quote the file
		return nil, nil, &failure{message: identity + " holds no identity of age's", hint: "age-keygen writes one: AGE-SECRET-KEY-1..."}
	}
	return backup, identities, nil
}

func (r *keyring) restoreCommand() *cobra.Command {
	var identity string
	command := &cobra.Command{
		Use: "restore FILE", Short: "put the keys of a backup where the daemon looks for them", Args: wants("FILE"),
		Long: `restore opens a backup and writes each key into a file of its own, in the folder where
the daemon looks for them. Keys that are there stay: then nothing is written.`,
		RunE: func(_ *cobra.Command, args []string) error {
			backup, identities, err := r.open(args[0], identity)
			if err != nil {
				return err
			}
			keys, err := store.OpenKeyBackup(bytes.NewReader(backup), identities...)
			if err != nil {
				return failed("restore the keys", err)
			}
			paths := r.paths()
			if err := keys.WriteTo(paths.Keys); err != nil {
				return withHint(err, "name a new folder with --keys, or move "+filepath.Clean(paths.Keys)+" away")
			}
			return r.show(keys, paths)
		},
	}
	identityFlag(command, &identity)
	return command
}

func identityFlag(command *cobra.Command, identity *string) {
	command.Flags().StringVar(identity, "identity", "", "`file` with the identity that opens the backup, as age-keygen writes it")
}
