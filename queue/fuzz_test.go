package queue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/hustings/hustings/queue"
)

// FuzzRequest ensures that a request is understood whole or refused, and that a
// refusal quotes nothing of it.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{"", "{}", `{"campaign":"c1","operator":"op-anne"}`, `{"campaign":"c1"} {}`, `{"campaign":"c1","colour":"blue"}`, `{"campaign":"06 39 98 00 01","x":1}`, "null", "[]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		request := queue.Request{Verb: queue.VerbCampaignShow, Data: data}
		for _, into := range []any{new(queue.CampaignRequest), new(queue.IntakeOpen), new(queue.IntakeRequest), new(queue.ReportRequest), new(queue.SandboxClock)} {
			err := request.Decode(into)
			if err == nil && !json.Valid(data) {
				t.Errorf("%q is understood as %+v", data, into)
			}
			refused := new(queue.ControlError)
			if err != nil && (!errors.As(err, &refused) || refused.Code != queue.CodeInvalid || len(data) > 20 && bytes.Contains([]byte(err.Error()), data)) {
				t.Errorf("%q is refused with %v", data, err)
			}
		}
	})
}

// FuzzChunkOpener ensures that no chunk opens but the one that is due, as it was
// sealed, and that whatever else comes changes nothing: the right one still
// opens after it.
func FuzzChunkOpener(f *testing.F) {
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		f.Fatal(err)
	}
	text := []byte("number;territory\n0639980001;75\n")
	f.Add(0, uint64(0), []byte{}, []byte{})
	f.Add(0, uint64(1), text, text)
	f.Add(-1, uint64(1)<<63, bytes.Repeat([]byte{0}, 64), text)
	f.Fuzz(func(t *testing.T, file int, sequence uint64, sealed, encapsulated []byte) {
		if _, err := queue.NewChunkOpener(private, encapsulated); err == nil && len(encapsulated) != 32 {
			t.Errorf("%d bytes begin a session", len(encapsulated))
		}
		begun, sealer, err := queue.NewChunkSealer(public)
		if err != nil {
			t.Fatal(err)
		}
		opener, err := queue.NewChunkOpener(private, begun)
		if err != nil {
			t.Fatal(err)
		}
		_, first, err := sealer.Seal(0, text)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := opener.Open(file, sequence, sealed); err == nil {
			t.Errorf("%q opens as %q", sealed, plain)
		}
		if plain, err := opener.Open(0, 0, first); err != nil || !bytes.Equal(plain, text) {
			t.Errorf("after the strange chunk the right one is %q, %v", plain, err)
		}
		if _, err := opener.Open(0, 0, first); !errors.Is(err, queue.ErrChunkRepeated) {
			t.Errorf("the same chunk again: %v", err)
		}
	})
}

// FuzzOpenOptOut ensures that no objection opens that was not sealed to the key,
// and that what is sealed and is none is refused without being quoted.
func FuzzOpenOptOut(f *testing.F) {
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "{}", `{"number":"06 39 98 00 01","way":"phone"}`, `{"number":1}`, "06 39 98 00 01", `{"number":"x"} y`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if told, err := queue.OpenOptOut(private, text); err == nil {
			t.Errorf("%q opens as %+v", text, told)
		}
		sealed, err := queue.Seal(public, queue.PurposeOptOut, text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = queue.OpenOptOut(private, sealed)
		refused := new(queue.ControlError)
		switch {
		case err == nil && !json.Valid(text):
			t.Errorf("%q is taken for an objection", text)
		case err != nil && (!errors.As(err, &refused) || refused.Code != queue.CodeInvalid || len(text) > 10 && bytes.Contains([]byte(err.Error()), text)):
			t.Errorf("%q is refused with %v", text, err)
		}
		if other, err := queue.Seal(public, queue.PurposeIntake, text); err == nil {
			if _, err := queue.OpenOptOut(private, other); err == nil {
				t.Error("what was sealed for a list opens as an objection")
			}
		}
	})
}
