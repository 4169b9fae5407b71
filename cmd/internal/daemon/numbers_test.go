package daemon

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/hustings/hustings/configs/sample"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/queue"
)

// sampleNumbers returns every number of the sample in E.164.
func sampleNumbers(t *testing.T) []string {
	t.Helper()
	known := map[string]bool{}
	for _, name := range []string{"contacts-1.csv", "contacts-2.csv.gz", "optouts.csv"} {
		content, err := sample.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(plain(t, content)) {
			first, _, _ := strings.Cut(strings.ReplaceAll(string(line), ";", ","), ",")
			if number, line, err := contact.Parse(strings.TrimSpace(first), "FR"); err == nil && line.Valid {
				known[number.E164()] = true
			}
		}
	}
	if len(known) < 9500 {
		t.Fatalf("only %d numbers were read from the sample", len(known))
	}
	numbers := make([]string, 0, len(known))
	for number := range known {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return numbers
}

// notAmong returns so many landlines, reserved for fiction, that are not among the
// numbers.
func notAmong(numbers []string, count int) (more []string) {
	for i := 0; len(more) < count; i++ {
		number := fmt.Sprintf("+3335301%04d", i)
		if _, there := slices.BinarySearch(numbers, number); !there {
			more = append(more, number)
		}
	}
	return more
}

// hashedNumbers is for how many numbers the hashes are looked for, too.
const hashedNumbers = 1500

func needlesFor(numbers []string) *needles {
	n := new(needles)
	for i, number := range numbers {
		n.addPlain(number)
		if i%(1+len(numbers)/hashedNumbers) == 0 {
			n.addHashes(number)
		}
	}
	return n
}

// contentsUnder returns what the files under the folder hold, one excepted.
func contentsUnder(t *testing.T, folder, except string) map[string][]byte {
	t.Helper()
	contents := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path == except {
			return err
		}
		contents[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

// Ensure that after a run over the sample, with everything logged, no number
// stands anywhere but where it must: not in a file, not in the log, not in
// anything that went over NATS, not in what ops shows, not even where the daemon
// fails over one (I14).
func TestDaemon_NoNumberAnywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.Log.Level = "debug"
	h.config.HTTP.Ops.Listen = freeAddress(t)
	f := h.fused()
	h.start()
	token, err := queue.ReadToken(h.config.DataDirectory)
	if err != nil {
		t.Fatal(err)
	}
	tap := dialWire(t, h.daemon.conn.URL(), token, ">")
	numbers := sampleNumbers(t)
	more := notAmong(numbers, 500)
	h.importPeople(more, "FR-75", "party-a")
	h.temptToTell(numbers)
	h.temptByPanics(f, numbers[50:])
	numbers = append(numbers, more...)
	if len(numbers) < 10_000 {
		t.Fatalf("only %d numbers are looked for", len(numbers))
	}
	views := runSample(h)
	h.untilReported(views)
	h.rotate()
	n := needlesFor(numbers)
	shown := h.opsShows()
	h.stop()
	tap.close()

	search := func(what string, content []byte) {
		for _, form := range n.in(content) {
			t.Errorf("%s holds a number (%s)", what, form)
		}
	}
	size := 0
	for path, content := range contentsUnder(t, h.config.DataDirectory, h.carrierLog()) {
		search(path, content)
		size += len(content)
	}
	search("the log", []byte(h.log.all()))
	search("what ops shows", shown)
	messages := tap.all()
	for _, message := range messages {
		search("a message on "+message.subject, message.body)
	}
	t.Logf("%d forms of %d numbers were looked for in %d MB of files, %d kB of log and %d messages",
		n.count, len(numbers), size>>20, len(h.log.all())>>10, len(messages))
	if len(messages) < 50 || !strings.Contains(h.log.all(), `"level":"debug"`) {
		t.Error("too little was heard or logged: the search shows nothing")
	}
}

// temptToTell brings numbers in by every way that is open to people: their
// reasons and texts may be kept, what is in them may not.
func (h *house) temptToTell(numbers []string) {
	h.t.Helper()
	for i, number := range numbers[:20] {
		answer, err := h.client.OptOut(h.t.Context(), queue.OptOut{
			Number: number, Reason: "told me on 0" + number[3:], Way: "phone " + number, Operator: "op-anne",
		})
		if err != nil || answer.Effect != "effective" {
			h.t.Fatalf("opt-out %d: %v %v", i, answer.Effect, err)
		}
	}
	if _, err := h.client.OptOut(h.t.Context(), queue.OptOut{Number: numbers[20] + "x7", Way: "post"}); err == nil {
		h.t.Fatal("a number with letters was taken")
	}
	for _, number := range numbers[30:40] {
		if _, err := h.daemon.carrier.inner.Reply(number, "TILLEULS", "STOP "+number); err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.daemon.carrier.inner.Reply(number, "TILLEULS", "my number is "+number); err != nil {
			h.t.Fatal(err)
		}
	}
}

// opsShows returns all that the listener for ops answers.
func (h *house) opsShows() []byte {
	h.t.Helper()
	var all []byte
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		response, err := http.Get("http://" + h.config.HTTP.Ops.Listen + path)
		if err != nil {
			h.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, body...)
	}
	http.DefaultClient.CloseIdleConnections()
	return all
}

// freeAddress returns an address on this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func numericOf(t *testing.T, number string) int64 {
	t.Helper()
	value, err := strconv.ParseInt(number[1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Ensure that the search finds a number in every form, so that its silence
// means something.
func TestNeedles(t *testing.T) {
	t.Parallel()
	numbers := sampleNumbers(t)
	n := needlesFor(numbers)
	number := numbers[0]
	planted := map[string]string{
		"E.164": number, "national": "0" + number[3:], "spaced": "06 39 98 " + number[8:10] + " " + number[10:],
		"hash": fmt.Sprintf("%x", sha256.Sum256([]byte(number))), "argument": "Place({0x" + strconv.FormatInt(numericOf(t, number), 16) + "})",
	}
	for shift := range 3 {
		planted[fmt.Sprintf("base64 %d", shift)] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("?", shift) + number + "!"))
	}
	var wide []byte
	for _, unit := range utf16.Encode([]rune(number)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	planted["UTF-16"] = string(wide)
	planted["integer"] = strings.Repeat(string(binary.BigEndian.AppendUint64(nil, uint64(numericOf(t, number)))), 2)
	sum := sha1.Sum([]byte(number))
	planted["raw hash"] = string(sum[:])
	for form, text := range planted {
		path := filepath.Join(t.TempDir(), "planted")
		if err := os.WriteFile(path, []byte("before "+text+" after"), 0o600); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(n.in(content)) == 0 {
			t.Errorf("%s: not found", form)
		}
	}
	if found := n.in([]byte("nobody's: +33199009999, 1" + number[1:] + "2, 2027-03-09T09:12:33.639986480Z")); found != nil {
		t.Errorf("found %v where no number is", found)
	}
}
