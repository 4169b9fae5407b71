package twilio

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// openAPIVariable names Twilio's own description of its API, which is not
// copied into this repository.
const openAPIVariable = "HUSTINGS_TWILIO_OPENAPI"

// specification judges requests by Twilio's description.
type specification struct {
	mu       sync.Mutex
	document *openapi3.T
	judged   int
}

func mustSpecification(t *testing.T) *specification {
	t.Helper()
	path := os.Getenv(openAPIVariable)
	if path == "" {
		t.Skipf("%s does not name Twilio's description of its API", openAPIVariable)
	}
	document, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The router matches the servers that the document names, and here it is
	// we who are asked.
	document.Servers = nil
	for _, item := range document.Paths.Map() {
		item.Servers = nil
	}
	return &specification{document: document}
}

// judge fails the test where the request is not as described: in path, query,
// form, or by a parameter that the description does not have.
func (s *specification) judge(t *testing.T, r *http.Request) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judged++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	router, err := gorillamux.NewRouter(s.document)
	if err != nil {
		t.Fatal(err)
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	for key := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, key) == nil {
			t.Errorf("%s %s: parameter %s is not described", r.Method, r.URL.Path, key)
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.ParseForm(); err != nil {
		t.Error(err)
	}
	for key := range r.PostForm {
		form := route.Operation.RequestBody.Value.Content.Get("application/x-www-form-urlencoded")
		if _, described := form.Schema.Value.Properties[key]; !described {
			t.Errorf("%s %s: parameter %s is not described", r.Method, r.URL.Path, key)
		}
	}
}

// Ensure that every request we send is one that Twilio describes.
func TestClient_OpenAPI(t *testing.T) {
	t.Parallel()
	specification := mustSpecification(t)
	list := &lister{pages: [][]map[string]any{{}, {}}}
	server := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		specification.judge(t, r)
		switch {
		case r.Method == http.MethodGet:
			list.serve(w, r)
		case r.PostForm.Has("Status"):
			respond(200, testCreated)(w, r)
		default:
			respond(201, testCreated)(w, r)
		}
	})
	client := mustClient(t, server.URL)
	request := testRequest(t)
	for _, from := range []string{testSender, "HUSTINGS", "MG0123456789abcdef0123456789abcdef"} {
		request.From = from
		if answer := client.Place(t.Context(), request); answer.Kind != dialer.Accepted {
			t.Errorf("got %+v", answer)
		}
	}
	if _, err := client.Find(t.Context(), contact.SMS, request.To, testSince); err != nil {
		t.Error(err)
	}
	if _, err := client.Inbound(t.Context(), testSince); err != nil {
		t.Error(err)
	}
	if err := client.Cancel(t.Context(), testSID); err != nil {
		t.Error(err)
	}
	if want := 3 + 2 + 2 + 1; specification.judged != want {
		t.Errorf("judged %d requests, want %d", specification.judged, want)
	}
}
