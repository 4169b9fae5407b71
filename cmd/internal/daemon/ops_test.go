package daemon

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Ensure that clients of the listener for ops that never end their request, or send too
// much, keep nobody else waiting, and are cut off.
func TestOps_SlowAndGreedy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.HTTP.Ops.Listen = freeAddress(t)
	h.start()
	begun := make([]net.Conn, 200)
	for i := range begun {
		begun[i] = h.sendOps("GET /metrics HTTP/1.1\r\nHost: ops\r\nX-Slow: ")
	}
	for name, test := range map[string]struct {
		request string
		want    int
	}{
		"a header without end": {"GET /healthz HTTP/1.1\r\nHost: ops\r\nX-Much: " + strings.Repeat("x", 64<<10), http.StatusRequestHeaderFieldsTooLarge},
		"a body":               {"POST /metrics HTTP/1.1\r\nHost: ops\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("x", 1<<10), http.StatusMethodNotAllowed},
	} {
		response, err := http.ReadResponse(bufio.NewReader(h.sendOps(test.request)), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if response.StatusCode != test.want {
			t.Errorf("%s: %s", name, response.Status)
		}
		_ = response.Body.Close()
	}
	asked := time.Now()
	if h.readyz(); time.Since(asked) > 2*time.Second {
		t.Errorf("others are answered after %s", time.Since(asked))
	}
	for _, conn := range begun {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("whoever never ends a request is kept")
		}
	}
	h.stop()
}

// sendOps sends something to the listener for ops, and gives whoever reads the answer
// half a minute.
func (h *house) sendOps(text string) net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.config.HTTP.Ops.Listen)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		h.t.Fatal(err)
	}
	return conn
}
