package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ensure that each fault looks from outside as it should, and that the log says
// whether a message was made.
func TestServer_Faults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault   Fault
		created bool
		status  int   // of the answer, or 0 if none comes
		err     error // of the client, if none comes or it breaks off
		body    string
	}{
		{FaultNone, true, 201, nil, `"sid":"SM`},
		{FaultHang, true, 0, io.EOF, ""},
		{FaultReset, true, 0, syscall.ECONNRESET, ""},
		{FaultError, true, 500, nil, `"code":20500`},
		{FaultTruncate, true, 201, io.ErrUnexpectedEOF, `{"account_sid"`},
		{FaultPage, true, 502, nil, "<html>"},
		{FaultNoSid, true, 201, nil, "{}"},
		{FaultSlow, true, 201, nil, `"sid":"SM`},
		{FaultThrottle, false, 429, nil, `"code":20429`},
		{FaultRefuse, false, 500, nil, `"code":20500`},
		{FaultDrop, false, 0, syscall.ECONNRESET, ""},
		{FaultForbid, false, 403, nil, "<html>"},
		{"invented", true, 0, io.EOF, ""},
	}
	for _, test := range tests {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			options := quiet(t)
			options.Faults = Faults{HangTime: 30 * time.Millisecond, SlowTime: 30 * time.Millisecond}
			options.Faults.Script = func(request int, to string) Fault {
				if request == 1 && to == testTo {
					return test.fault
				}
				return FaultNone
			}
			bed := mustStart(t, options)
			got, err := bed.try(http.MethodPost, messages(""), text(testTo))
			if got.status != test.status || !errors.Is(err, test.err) {
				t.Errorf("status %d, error %v", got.status, err)
			}
			if !bytes.Contains(got.body, []byte(test.body)) {
				t.Errorf("body %q", got.body)
			}
			if bed.do(http.MethodPost, messages(""), text(testTo)).status != http.StatusCreated {
				t.Error("the next request went wrong too")
			}
			verdict, err := bed.server.Verdict(JudgeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := 1
			if test.created {
				want = 2
			}
			if verdict.Created != want || verdict.Requests != 2 || (test.fault != FaultNone && verdict.Faults[test.fault] != 1) {
				t.Errorf("verdict %+v", verdict)
			}
		})
	}
}

// Ensure that a request which waits does not hold up Close.
func TestServer_CloseEndsHanging(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Faults.Script = func(int, string) Fault { return FaultHang }
	bed := mustStart(t, options)
	ended := make(chan error)
	go func() {
		_, err := bed.try(http.MethodPost, messages(""), text(testTo))
		ended <- err
	}()
	bed.awaitKind(KindCreated)
	if err := bed.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the hanging request was answered")
	}
}

// Ensure that a client that gives up leaves a message that exists.
func TestServer_ClientGivesUp(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Faults.Script = func(int, string) Fault { return FaultHang }
	bed := mustStart(t, options)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, bed.server.URL()+messages(""),
		strings.NewReader(text(testTo).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(testAccount, testToken)
	go func() {
		bed.awaitKind(KindCreated)
		cancel()
	}()
	if _, err := bed.send(request); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if found := bed.do(http.MethodGet, messages("")+"?To=%2B33639980001", nil).sids(); len(found) != 1 {
		t.Errorf("%d messages", len(found))
	}
}

func TestFaults_Draw(t *testing.T) {
	t.Parallel()
	faults := Faults{Probability: map[Fault]float64{FaultHang: 0.1, FaultThrottle: 0.2}}
	count := map[Fault]int{}
	const requests = 20_000
	for request := range requests {
		fault := faults.draw(5, arrival{number: request, nth: request}, testTo)
		if fault != faults.draw(5, arrival{number: requests - request, nth: request}, testTo) {
			t.Fatal("the same request of the same seed went another way because it came at another time")
		}
		count[fault]++
	}
	for fault, want := range map[Fault]float64{FaultHang: 0.1, FaultThrottle: 0.2, FaultNone: 0.7} {
		if got := float64(count[fault]) / requests; got < want-0.02 || got > want+0.02 {
			t.Errorf("fault %q: share %.3f, want about %.1f", fault, got, want)
		}
	}
}
