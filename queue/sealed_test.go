package queue_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/queue"
)

func mustSealKey(t *testing.T) (private, public []byte) {
	t.Helper()
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// Ensure what was sealed opens with the right key, for the right purpose and
// unchanged, and in no other case.
func TestSeal(t *testing.T) {
	t.Parallel()
	private, public := mustSealKey(t)
	if again, err := queue.PublicSealKey(private); err != nil || !bytes.Equal(again, public) {
		t.Fatalf("the public key changed: %v", err)
	}
	plaintext := []byte(`{"number":"+33700900123"}`)
	sealed, err := queue.Seal(public, queue.PurposeOptOut, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("33700900123")) {
		t.Fatal("the number stands in clear")
	}
	if got, err := queue.OpenSealed(private, queue.PurposeOptOut, sealed); err != nil || !bytes.Equal(got, plaintext) {
		t.Fatalf("got %q, %v", got, err)
	}
	other, _ := mustSealKey(t)
	wrong := map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return queue.OpenSealed(other, queue.PurposeOptOut, sealed) },
		"another purpose": func() ([]byte, error) { return queue.OpenSealed(private, queue.PurposeIntake, sealed) },
		"nothing":         func() ([]byte, error) { return queue.OpenSealed(private, queue.PurposeOptOut, nil) },
		"cut short":       func() ([]byte, error) { return queue.OpenSealed(private, queue.PurposeOptOut, sealed[:len(sealed)-1]) },
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 0x80
		if _, err := queue.OpenSealed(private, queue.PurposeOptOut, changed); !errors.Is(err, queue.ErrSealed) {
			t.Fatalf("byte %d changed: got %v", i, err)
		}
	}
	for name, open := range wrong {
		if _, err := open(); !errors.Is(err, queue.ErrSealed) {
			t.Errorf("%s: got %v, want ErrSealed", name, err)
		}
	}
	if _, err := queue.Seal([]byte("no key"), queue.PurposeOptOut, plaintext); err == nil {
		t.Error("sealed to no key")
	}
}

// Ensure chunks open in their order only, and a refused one leaves the session
// as it was.
func TestChunkOpener(t *testing.T) {
	t.Parallel()
	private, public := mustSealKey(t)
	encapsulated, sealer, err := queue.NewChunkSealer(public)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := queue.NewChunkOpener(private, encapsulated)
	if err != nil {
		t.Fatal(err)
	}
	files := []int{0, 0, 1}
	chunks := make([][]byte, len(files))
	for i, file := range files {
		if _, chunks[i], err = sealer.Seal(file, []byte{byte('a' + i)}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(file int, sequence uint64, chunk []byte, want queue.Code) {
		t.Helper()
		_, err := opener.Open(file, sequence, chunk)
		if queue.CodeOf(err) != want {
			t.Errorf("file %d, sequence %d: got %v, want %q", file, sequence, err, want)
		}
	}
	expect(0, 1, chunks[1], queue.CodeConflict)
	expect(1, 0, chunks[0], queue.CodeInvalid) // the header says another file
	expect(0, 0, chunks[1], queue.CodeInvalid)
	expect(0, 0, nil, queue.CodeInvalid)
	for i, chunk := range chunks {
		plaintext, err := opener.Open(files[i], uint64(i), chunk)
		if err != nil || string(plaintext) != string(rune('a'+i)) {
			t.Fatalf("chunk %d: got %q, %v", i, plaintext, err)
		}
		if _, err := opener.Open(files[i], uint64(i), chunk); !errors.Is(err, queue.ErrChunkRepeated) {
			t.Errorf("chunk %d again: got %v", i, err)
		}
	}
	expect(0, 3, chunks[0], queue.CodeConflict) // a file that is over
	if opener.Next() != 3 {
		t.Errorf("chunk %d is due, want 3", opener.Next())
	}
	if _, err := queue.NewChunkOpener(private, []byte("short")); queue.CodeOf(err) != queue.CodeInvalid {
		t.Errorf("got %v, want that the session does not open", err)
	}
}

// Ensure an objection arrives whole and no byte of it travels in clear.
func TestClient_OptOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	private, public := mustSealKey(t)
	told := make(chan queue.OptOut, 1)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbStatus: func(context.Context, queue.Request) (any, error) { return queue.Status{SealKey: public}, nil },
		queue.VerbOptOut: func(_ context.Context, r queue.Request) (any, error) {
			optOut, err := queue.OpenOptOut(private, r.Data)
			if err != nil {
				return nil, err
			}
			told <- optOut
			return queue.OptOutAnswer{Contact: "0011", Effect: "effective", Known: true}, nil
		},
	})
	conn, _ := stranger(t, b.server)
	tap, err := conn.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	want := queue.OptOut{Number: "07 00 90 01 23", Way: "telephone", ReceivedAt: time.Date(2027, 4, 1, 9, 0, 0, 0, time.UTC)}
	answer, err := b.client.OptOut(t.Context(), want)
	if err != nil || answer.Effect != "effective" || !answer.Known {
		t.Fatalf("got %+v, %v", answer, err)
	}
	if got := receive(t, told); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for heard := ""; !strings.HasPrefix(heard, "dialer.v1.ctl.optout"); {
		message, err := tap.NextMsg(limit)
		if err != nil {
			t.Fatal(err)
		}
		heard = message.Subject
		if strings.Contains(string(message.Data), want.Number) {
			t.Errorf("the number travels in clear on %s", message.Subject)
		}
	}
	err = b.client.Call(t.Context(), queue.VerbOptOut, []byte("not sealed"), nil)
	if queue.CodeOf(err) != queue.CodeInvalid || queue.HintOf(err) == "" {
		t.Errorf("got %v, want that it does not open", err)
	}
}
