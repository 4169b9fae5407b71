package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// blank is a ResponseWriter that costs nothing.
type blank struct{ header http.Header }

func (writer *blank) Header() http.Header            { return writer.header }
func (writer *blank) Write(text []byte) (int, error) { return len(text), nil }
func (writer *blank) WriteHeader(int)                {}

// BenchmarkCreate is the sandbox's own cost of a create request, without HTTP.
func BenchmarkCreate(b *testing.B) {
	options := quiet(b)
	options.Speed = 0.001 // lives begin, but do not go on
	server, err := New(options)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	var count atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			form := text(fmt.Sprintf("+3363998%07d", count.Add(1)), "StatusCallback", "http://127.0.0.1:1/cb/0123456789").Encode()
			request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, messages(""), strings.NewReader(form))
			request.SetBasicAuth(testAccount, testToken)
			server.ServeHTTP(&blank{header: http.Header{}}, request)
		}
	})
}

// BenchmarkCreateRequestAlone is what of BenchmarkCreate the request costs.
func BenchmarkCreateRequestAlone(b *testing.B) {
	var count atomic.Int64
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			form := text(fmt.Sprintf("+3363998%07d", count.Add(1)), "StatusCallback", "http://127.0.0.1:1/cb/0123456789").Encode()
			request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, messages(""), strings.NewReader(form))
			request.SetBasicAuth(testAccount, testToken)
		}
	})
}

// BenchmarkInstant is a create request over HTTP and its callback, both ends in
// this process.
func BenchmarkInstant(b *testing.B) {
	var called sync.WaitGroup
	called.Add(b.N)
	dialer := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		writer.WriteHeader(http.StatusNoContent)
		called.Done()
	}))
	defer dialer.Close()
	options := quiet(b)
	options.Instant = true
	server, err := New(options)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if err := server.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	var count atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			form := text(fmt.Sprintf("+3363998%07d", count.Add(1)), "StatusCallback", dialer.URL).Encode()
			request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL()+messages(""), strings.NewReader(form))
			if err != nil {
				b.Error(err)
				return
			}
			request.SetBasicAuth(testAccount, testToken)
			response, err := transport.RoundTrip(request)
			if err != nil || response.StatusCode != http.StatusCreated {
				b.Errorf("create: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
	called.Wait()
}

// writeStory writes a log of at least so many records as a quiet sandbox would:
// nine records a message, every recipient once.
func writeStory(tb testing.TB, least int) (path string, records int) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "sandbox.log")
	file, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	written := bufio.NewWriterSize(file, 1<<20)
	var line []byte
	put := func(record Record) {
		records++
		record.Seq, record.At, record.Real = uint64(records), monday, int64(records)
		line = record.appendTo(line[:0])
		_, _ = written.Write(line) // Flush tells of errors
	}
	put(Record{Kind: KindClock, Status: clockStarted, Clock: &ClockState{Start: monday, Anchor: monday, Speed: 1}})
	for index := 0; records < least; index++ {
		to, sid := number(index), mint(1, uint64(index))
		callback := "http://127.0.0.1:4020/twilio/status/" + strings.Repeat("0123456789abcdef", 3)
		put(Record{Kind: KindRequestBegun, To: to, From: testFrom, Body: "Réunion publique à 20 h", StatusCallback: callback})
		request := uint64(records)
		put(Record{
			Kind: KindCreated, Request: request, Sid: sid, To: to, From: testFrom, Body: "Réunion publique à 20 h",
			StatusCallback: callback, Status: statusQueued, Segments: 1, Validity: 3600,
		})
		put(Record{Kind: KindRequestEnded, Request: request, To: to, HTTP: 201})
		for _, status := range []string{statusSending, statusSent, statusDelivered} {
			put(Record{Kind: KindStatus, Sid: sid, To: to, Status: status})
			put(Record{Kind: KindCallback, Sid: sid, To: to, Status: status, HTTP: 204, Tries: 1})
		}
	}
	if err := written.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := file.Close(); err != nil {
		tb.Fatal(err)
	}
	return path, records
}

// BenchmarkJudgeLog judges a log of HUSTINGS_JUDGE_RECORDS records, or else of
// 90,000, and tells what the judge still holds at the end of it.
func BenchmarkJudgeLog(b *testing.B) {
	least := 90_000
	if text := os.Getenv("HUSTINGS_JUDGE_RECORDS"); text != "" {
		var err error
		if least, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path, records := writeStory(b, least)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		state := newJudge(JudgeOptions{Party: func(record Record) string { return record.From }})
		if err := scanFile(path, func(record *Record) error { state.visit(record); return nil }); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if verdict := state.conclude(); verdict.Records != records || verdict.Err() != nil {
			b.Fatalf("verdict %+v", verdict)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
}
