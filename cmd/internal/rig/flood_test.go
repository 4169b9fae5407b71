package rig

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// floodStops is how many people write STOP while the flood is on, and floodFor how long
// that is.
const (
	floodStops = 60
	floodFor   = 6 * time.Second
)

// Ensure that junk and forged requests at full blast on the callback listener, slow
// clients and oversized bodies on it, keep no STOP from being effective within two
// seconds, take no memory, and change nothing. With HUSTINGS_WRK the flood is wrk's.
func TestFlood(t *testing.T) {
	t.Parallel()
	callbacks := ""
	s := newScene(t, 600, outpost.Options{
		InFlight: 8, Carrier: []string{"--latency", "20ms", "--stop-fraction", "0", "--silent-fraction", "0"},
		Back: func(address string) string { callbacks = address; return address },
	})
	s.open()
	s.submit(order("party-a", "party-a-everybody", 600))
	ctx, cancel := context.WithTimeout(t.Context(), floodFor)
	defer cancel()
	var sent atomic.Int64
	end := flood(ctx, t, callbacks, s.numbers[len(s.numbers)-floodStops:], &sent)
	var before int64
	for i := range floodStops {
		if i == floodStops/2 { // all connections are there by now
			before = s.resident()
		}
		s.Reply(s.numbers[i], "TILLEULS", stops[i%len(stops)])
		pause(ctx, floodFor/floodStops*9/10)
	}
	end()
	grown := s.resident() - before
	slowest := s.slowestStop(floodStops)
	t.Logf("figures: %d junk requests in %s, %d STOPs, the slowest effective after %s, memory grown by %d KiB in the second half", sent.Load(), floodFor, floodStops, slowest, grown/1024)
	if slowest > 2*time.Second {
		t.Errorf("a STOP took %s", slowest)
	}
	if grown > 32<<20 {
		t.Errorf("memory has grown by %d MiB", grown>>20)
	}
	if sent.Load() < 1000 {
		t.Errorf("only %d junk requests: nothing was tried", sent.Load())
	}
	s.finish()
	s.mustHaveObjected(floodStops)
}

// flood sends all sorts of requests that the carrier has not sent, until the context
// ends: forged STOPs of people who have said nothing among them.
func flood(ctx context.Context, t *testing.T, address string, silent []string, sent *atomic.Int64) (end func()) {
	t.Helper()
	var group sync.WaitGroup
	base := "http://" + address
	junk := func(path, body string) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 5 * time.Second}
		defer client.CloseIdleConnections()
		for ctx.Err() == nil {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, strings.NewReader(body))
			if err != nil {
				return
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			response, err := client.Do(request)
			sent.Add(1)
			if err != nil {
				continue // cut off, or the end
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode/100 == 2 {
				t.Errorf("%s: junk was answered %s", path, response.Status)
			}
		}
	}
	for i, number := range silent {
		form := fmt.Sprintf("MessageSid=SM%032d&From=%%2B%s&To=TILLEULS&Body=STOP", i, number[1:])
		group.Go(func() { junk("/twilio/inbound", form) })
		group.Go(func() {
			junk(fmt.Sprintf("/twilio/status/%048d", i), fmt.Sprintf("MessageSid=SM%032d&MessageStatus=delivered", i))
		})
	}
	group.Go(func() { junk("/twilio/inbound", "Body="+strings.Repeat("STOP", 1<<18)) }) // a megabyte
	for range 50 {
		group.Go(func() { trickle(ctx, address) })
	}
	if wrk := os.Getenv("HUSTINGS_WRK"); wrk != "" {
		group.Go(func() {
			seconds := strconv.Itoa(int(floodFor/time.Second) - 1)
			output, err := exec.CommandContext(ctx, wrk, "-t2", "-c64", "-d"+seconds+"s", base+"/twilio/inbound").CombinedOutput()
			t.Logf("wrk: %v\n%s", err, output)
		})
	}
	return group.Wait
}

// trickle opens a connection and sends its request so slowly that it never ends.
func trickle(ctx context.Context, address string) {
	for ctx.Err() == nil {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		for _, piece := range strings.SplitAfter("POST /twilio/inbound HTTP/1.1\r\nHost: a\r\nX-Slow: "+strings.Repeat("a b ", 100), " ") {
			if _, err := io.WriteString(connection, piece); err != nil || !pause(ctx, 100*time.Millisecond) {
				break
			}
		}
		_ = connection.Close()
	}
}

// resident is the daemon's memory, in bytes.
func (s *scene) resident() int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Player().PID()))
	if err != nil {
		s.t.Logf("SKIPPED: the daemon's memory: %v", err)
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes * 1024
}

// slowestStop waits until so many texts were answered, and returns how long the slowest
// took, by the carrier's own log.
func (s *scene) slowestStop(texts int) (slowest time.Duration) {
	s.t.Helper()
	outpost.Eventually(s.t, "every STOP is answered", func() bool {
		sent, answered := map[string]int64{}, 0
		slowest = 0
		for _, record := range outpost.ReadCarrier(s.t, s.CarrierLog()) {
			switch record.Kind {
			case sandbox.KindInbound:
				sent[record.Sid] = record.Real
			case sandbox.KindInboundAnswered:
				if record.HTTP/100 == 2 {
					answered++
					slowest = max(slowest, time.Duration(record.Real-sent[record.Sid]))
				}
			default:
			}
		}
		return answered == texts
	})
	return slowest
}

// mustHaveObjected opens the store of a daemon that has stopped: just so many people
// have objected, and none by a forged word.
func (s *scene) mustHaveObjected(want int) {
	s.t.Helper()
	ledger, _ := s.openLedger()
	defer func() { _ = ledger.Close() }()
	objected := 0
	err := ledger.View(func(tx dialer.Tx) error {
		for range tx.Rows(dialer.BucketObjection, nil) {
			objected++
		}
		return nil
	})
	if err != nil || objected != want {
		s.t.Errorf("%d people have objected by the books, and %d have said so: %v", objected, want, err)
	}
}
