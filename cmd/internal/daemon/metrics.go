package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hustings/hustings/cmd/internal/build"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/store"
)

// metrics is what the daemon measures of itself. README.md says what each means;
// none has a number, a contact or a text in a label.
type metrics struct {
	registry *prometheus.Registry
	optOuts  *prometheus.HistogramVec
	commits  prometheus.Histogram
	requests *prometheus.CounterVec
	answers  prometheus.Histogram
	moves    prometheus.Counter
	// suppressed are the lines that were kept out of the log.
	suppressed *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		optOuts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "hustings_opt_out_effective_seconds",
			Help:    "Time from hearing of an opt-out until no further request to its contact can begin.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"way"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "hustings_ledger_commit_seconds",
			Help:    "Time that one transaction of the ledger takes, its sync included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hustings_carrier_requests_total",
			Help: "Requests to the carrier, by what was asked and the class of the answer.",
		}, []string{"operation", "class"}),
		answers: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "hustings_carrier_answer_seconds",
			Help:    "Time that the carrier takes to answer a request.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		moves: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hustings_ledger_moves_total",
			Help: "Changes made to the ledger; several share a transaction.",
		}),
		suppressed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hustings_log_suppressed_total",
			Help: "Lines of an event that were kept out of the log, since it came too often.",
		}, []string{"event"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hustings_build_info", Help: "Always 1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": build.Version(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.optOuts, m.commits, m.requests, m.answers, m.moves, m.suppressed, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// knownWays are the ways of an objection that have a label of their own. What an
// operator has typed has none.
var knownWays = map[string]bool{"sms": true, "call": true, "carrier": true, "list": true, "operator": true, "system": true}

func (m *metrics) objected(s dialer.ObjectionStats) {
	way := s.Way
	if !knownWays[way] {
		way = "other"
	}
	m.optOuts.WithLabelValues(way).Observe(s.Took.Seconds())
}

// asked notes a request to the carrier.
func (m *metrics) asked(e twilio.Exchange) {
	m.requests.WithLabelValues(e.Operation, classOf(e.HTTPStatus)).Inc()
	m.answers.Observe(e.Duration.Seconds())
}

// classOf is the class of an answer: 429 is one of its own, since it says that we are
// too fast.
func classOf(status int) string {
	switch status {
	case 0:
		return "none"
	case http.StatusTooManyRequests:
		return "429"
	default:
		return fmt.Sprintf("%dxx", status/100)
	}
}

func (m *metrics) committed(s store.CommitStats) {
	m.commits.Observe(s.Took.Seconds())
	m.moves.Add(float64(s.Moves))
}

// handler serves all that is measured, and what the daemon's parts tell when
// they are asked.
func (m *metrics) handler(d *Daemon) http.Handler {
	m.registry.MustRegister(vitals{d})
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// vitals collects the figures that the daemon's parts keep themselves.
type vitals struct{ daemon *Daemon }

var (
	descInFlight  = describe("requests_in_flight", "Requests to the carrier that have begun and not ended.")
	descInDoubt   = describe("attempts_in_doubt", "Attempts of which nobody knows whether the carrier has taken them.")
	descHalted    = describe("halted", "1 while nothing is dialled for the reason.", "reason")
	descCatchUp   = describe("catch_up_age_seconds", "Time since the carrier has last told which inbound texts it holds.")
	descQueued    = describe("carrier_queue_segments", "Segments of a sender that the carrier may have queued.", "sender")
	descCallbacks = describe("callbacks_total", "The carrier's callbacks, by what became of them.", "result")
	descLimit     = describe("requests_in_flight_limit", "How many requests may be under way at once, as the carrier is felt to allow.")
	descGranted   = describe("sender_granted_total", "Segments or calls of a sender that the pacer has granted.", "sender")
	descRate      = describe("sender_rate", "Segments or calls that the carrier grants a sender in a second of the campaigns' time.", "sender")
	descDecisions = describe("decisions_total", "Decisions before an attempt, by their reason; OK is a yes.", "reason")
	descDue       = describe("recipients_due", "Recipients whose own instant has come and who wait for a slot, 10,000 at most.")
	descLag       = describe("queue_pending", "Messages that wait in a queue of NATS, those in hand included.", "queue")
	descStore     = describe("store_bytes", "Size of a file of the store.", "file")
	descList      = describe("list_age_seconds", "Age of an outside list that the rules look into, in the campaigns' time.", "list")
	descFree      = describe("data_free_bytes", "Free space below the data directory.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("hustings_"+name, help, labels, nil)
}

// Describe is part of prometheus.Collector.
func (vitals) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descInFlight, descInDoubt, descHalted, descCatchUp, descQueued, descCallbacks, descFree,
		descLimit, descGranted, descRate, descDecisions, descDue, descLag, descStore, descList,
	} {
		descs <- desc
	}
}

// Collect is part of prometheus.Collector. What cannot be told is left out.
func (v vitals) Collect(into chan<- prometheus.Metric) {
	d := v.daemon
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	told, err := d.dialer.Vitals()
	gauge(descInFlight, float64(told.InFlight))
	if err == nil {
		gauge(descInDoubt, float64(told.InDoubt))
	}
	if !told.CaughtUpAt.IsZero() {
		gauge(descCatchUp, time.Since(told.CaughtUpAt).Seconds())
	}
	for sender, segments := range told.Queued {
		gauge(descQueued, float64(segments), sender)
	}
	halted := map[dialer.HaltReason]float64{}
	for _, reason := range d.dialer.Halted() {
		halted[reason] = 1
	}
	for _, reason := range dialer.HaltReasons {
		gauge(descHalted, halted[reason], string(reason))
	}
	if free, known, err := freeSpace(d.config.DataDirectory); known && err == nil {
		gauge(descFree, float64(free))
	}
	v.collectPace(told, gauge, into)
	v.collectFiles(gauge)
	counts := d.carrier.callbacks.Counts()
	for result, count := range map[string]uint64{
		"status": counts.Statuses, "inbound": counts.Inbound,
		"digit": counts.Digits, "verdict": counts.Verdicts, "rung_back": counts.RungBack, "bad_signature": counts.BadSignature,
		"bad_reference": counts.BadReference, "unusable": counts.Unusable, "deferred": counts.Deferred,
	} {
		into <- prometheus.MustNewConstMetric(descCallbacks, prometheus.CounterValue, float64(count), result)
	}
}

// collectPace tells how fast we are, and what holds us up.
func (v vitals) collectPace(told dialer.Vitals, gauge func(*prometheus.Desc, float64, ...string), into chan<- prometheus.Metric) {
	gauge(descLimit, float64(told.Limit))
	gauge(descDue, float64(told.Due))
	for sender, rate := range told.Rates {
		gauge(descRate, rate, sender)
		into <- prometheus.MustNewConstMetric(descGranted, prometheus.CounterValue, float64(told.Granted[sender]), sender)
	}
	for reason, count := range told.Decisions {
		into <- prometheus.MustNewConstMetric(descDecisions, prometheus.CounterValue, float64(count), reason.String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if lag, err := v.daemon.conn.Lag(ctx); err == nil {
		for queue, waiting := range lag {
			gauge(descLag, float64(waiting), queue)
		}
	}
}

// collectFiles tells what the store takes, and how old lists are.
func (v vitals) collectFiles(gauge func(*prometheus.Desc, float64, ...string)) {
	d := v.daemon
	for name, path := range map[string]string{"ledger": d.paths.Ledger, "directory": d.paths.Directory, "journal": d.paths.Journal} {
		if info, err := os.Stat(path); err == nil {
			gauge(descStore, float64(info.Size()), name)
		}
	}
	lists, err := d.dialer.Lists()
	if err != nil {
		return
	}
	for i := range lists {
		if list := &lists[i]; !list.FileDate.IsZero() {
			gauge(descList, time.Duration(list.Age).Seconds(), list.Name)
		}
	}
}
