package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that the ledger holds what a map would, over any moves and reopenings.
func TestLedger_Model(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var n int
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		m := &ledgerModel{t: rt, path: path}
		m.open()
		rt.Repeat(map[string]func(*rapid.T){
			"move":   m.move,
			"reopen": func(*rapid.T) { m.close(); m.open() },
			"":       m.check,
		})
		m.close()
		storetest.MustBeSound(t, path)
		_ = os.Remove(path) // the folder goes in the end anyway
	})
}

type ledgerModel struct {
	t      *rapid.T
	path   string
	ledger *store.Ledger
	rows   [3]map[string]string
}

var modelBuckets = [3]dialer.Bucket{dialer.BucketAttempt, dialer.BucketDue, dialer.BucketAuditBody}

func (m *ledgerModel) open() {
	ledger, err := store.OpenLedger(m.path, store.LedgerOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	m.ledger = ledger
	ledger.SkipSync()
}

func (m *ledgerModel) close() {
	if err := m.ledger.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// move commits several changes at once.
func (m *ledgerModel) move(t *rapid.T) {
	type change struct {
		bucket     int
		key, value string
		remove     bool
	}
	changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{
			bucket: rapid.IntRange(0, 2).Draw(t, "bucket"),
			key:    rapid.StringMatching(`[a-c]{1,4}`).Draw(t, "key"),
			value:  strings.Repeat(rapid.StringMatching(`[x-z]`).Draw(t, "value"), rapid.IntRange(0, 900).Draw(t, "length")),
			remove: rapid.Bool().Draw(t, "remove"),
		}
	}), 1, 15).Draw(t, "changes")
	err := m.ledger.Commit(context.Background(), move(func(tx dialer.Tx) {
		for _, c := range changes {
			if m.rows[c.bucket] == nil {
				m.rows[c.bucket] = make(map[string]string)
			}
			if c.remove {
				delete(m.rows[c.bucket], c.key)
				tx.Delete(modelBuckets[c.bucket], []byte(c.key))
			} else {
				m.rows[c.bucket][c.key] = c.value
				tx.Put(modelBuckets[c.bucket], []byte(c.key), []byte(c.value))
			}
			if want, there := m.rows[c.bucket][c.key]; string(tx.Get(modelBuckets[c.bucket], []byte(c.key))) != want ||
				(tx.Get(modelBuckets[c.bucket], []byte(c.key)) != nil) != there {
				t.Errorf("within the move, %s is not as put", c.key)
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func (m *ledgerModel) check(t *rapid.T) {
	from := rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "from")
	err := m.ledger.View(func(tx dialer.Tx) error {
		for i, want := range m.rows {
			var keys []string
			for key := range want {
				if key >= from {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			var got []string
			for key, value := range tx.Rows(modelBuckets[i], []byte(from)) {
				got = append(got, string(key))
				if string(value) != want[string(key)] {
					t.Errorf("row %s is not as put", key)
				}
			}
			if !slices.Equal(got, keys) {
				t.Errorf("got rows %v, want %v", got, keys)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
