package sandbox

import (
	"net/http"
	"testing"
)

// Ensure that rules say which create requests go wrong.
func TestRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules []Rule
		want  string // a letter a request, to A, B, A, B, A: r refused, t throttled, - as it should be
	}{
		{"none", nil, "-----"},
		{"all", []Rule{{Fault: FaultRefuse}}, "rrrrr"},
		{"by number", []Rule{{Fault: FaultRefuse, Request: Span{2, 3}}}, "-rr--"},
		{"from a number on", []Rule{{Fault: FaultRefuse, Request: Span{4, 0}}}, "---rr"},
		{"by recipient", []Rule{{Fault: FaultRefuse, To: testTo}}, "r-r-r"},
		{"the second to each", []Rule{{Fault: FaultRefuse, Nth: Span{2, 2}}}, "--rr-"},
		{"the second to one", []Rule{{Fault: FaultRefuse, To: otherTo, Nth: Span{2, 2}}}, "---r-"},
		{"the first rule first", []Rule{{Fault: FaultThrottle, Request: Span{1, 1}}, {Fault: FaultRefuse}}, "trrrr"},
		{"faults of others do not count", []Rule{{Fault: FaultListError}, {Fault: FaultCallbackLost}}, "-----"},
		{"hardly ever", []Rule{{Fault: FaultRefuse, Probability: 1e-12}}, "-----"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := quiet(t)
			options.Faults.Rules = test.rules
			bed := mustStart(t, options)
			got := ""
			for _, to := range []string{testTo, otherTo, testTo, otherTo, testTo} {
				got += map[int]string{201: "-", 429: "t", 500: "r"}[bed.do(http.MethodPost, messages(""), text(to)).status]
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Ensure that rules about callbacks find their messages, that a rule stands over
// the general probability, and that a restart goes on counting.
func TestRules_Callbacks(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.Faults = Faults{CallbackLost: 1, Rules: []Rule{{Fault: FaultCallbackLost, To: testTo, Nth: Span{2, 2}, Probability: 1e-12}}}
	first := mustStart(t, options)
	lost := first.mustCreate(text(testTo, "StatusCallback", base+"/cb"))
	first.awaitStatus(lost, statusDelivered)
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	second := mustStart(t, options)
	second.mustCreate(text(otherTo, "StatusCallback", base+"/cb"))
	heard := second.mustCreate(text(testTo, "StatusCallback", base+"/cb"))
	for range 3 {
		if came := next(t, calls); came.form.Get("MessageSid") != heard {
			t.Errorf("callback %+v", came)
		}
	}
}
