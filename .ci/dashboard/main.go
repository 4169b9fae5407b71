// Command dashboard lets a Prometheus scrape a SANDBOX daemon at work, and asks it every
// question of a Grafana dashboard and of alert rules.
//
//	go run ./.ci/dashboard FOLDER_WITH_PROMETHEUS DASHBOARD.json RULES.yaml
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: dashboard FOLDER DASHBOARD RULES")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

// patience is how long it may take until all questions have an answer.
const patience = 90 * time.Second

func run(tools, dashboard, rules string) error {
	questions, err := readQuestions(dashboard, rules)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	scene, err := newScene(ctx, tools)
	if err != nil {
		return err
	}
	defer scene.end()
	if err := scene.play(ctx); err != nil {
		return err
	}
	var open []string
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(time.Second) {
		if open, err = scene.unanswered(ctx, questions); err == nil && len(open) == 0 {
			fmt.Printf("all %d questions are answered with data\n", len(questions))
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("%d of %d questions have no answer:\n  %s", len(open), len(questions), strings.Join(open, "\n  ")))
}

// readQuestions returns the expressions of the dashboard and of the rules. What an alert
// compares is asked for, not whether it fires.
func readQuestions(dashboard, rules string) ([]string, error) {
	var board struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(dashboard)
	if err == nil {
		err = json.Unmarshal(text, &board)
	}
	if err != nil {
		return nil, err
	}
	var alerts struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	if text, err = os.ReadFile(rules); err == nil {
		err = yaml.Unmarshal(text, &alerts)
	}
	if err != nil {
		return nil, err
	}
	var questions []string
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			questions = append(questions, target.Expr)
		}
	}
	compared := regexp.MustCompile(`\s(==|>|<|>=|<=)\s[^=<>]*$`)
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			questions = append(questions, compared.ReplaceAllString(strings.TrimSpace(rule.Expr), ""))
		}
	}
	return questions, nil
}

// scene is a daemon in its SANDBOX and a Prometheus that scrapes it.
type scene struct {
	folder, nats, ops, asked string
	tools                    string
	children                 []*exec.Cmd
}

func newScene(ctx context.Context, tools string) (*scene, error) {
	s := &scene{tools: tools}
	var err error
	if s.folder, err = os.MkdirTemp("", "hustings-dashboard-"); err != nil {
		return nil, err
	}
	for _, address := range []*string{&s.nats, &s.ops, &s.asked} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*address = listener.Addr().String()
		_ = listener.Close()
	}
	return s, s.command(ctx, "go", "build", "-o", s.folder, "./cmd/dialerd", "./cmd/dialctl").Run()
}

func (s *scene) command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Stderr = os.Stderr
	return command
}

// start begins a child that is ended with the scene, and writes what it says into a file.
func (s *scene) start(ctx context.Context, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	log, err := os.Create(filepath.Join(s.folder, filepath.Base(name)+".log"))
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = log, log
	s.children = append(s.children, command)
	return command.Start()
}

func (s *scene) end() {
	for _, child := range s.children {
		if child.Process != nil {
			_ = child.Process.Signal(syscall.SIGTERM)
			_ = child.Wait()
		}
	}
	_ = os.RemoveAll(s.folder)
}

// play starts both, and lets the daemon send a campaign and take objections.
func (s *scene) play(ctx context.Context) error {
	write := func(name, content string) error {
		return os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600)
	}
	err := errors.Join(
		write("dialerd.yaml", fmt.Sprintf("data_directory: %s\nnats: {embedded: {listen: %q}}\nhttp: {callbacks: {listen: \"127.0.0.1:0\"}, ops: {listen: %q}}\npacks: {name: FR-FEED}\n",
			filepath.Join(s.folder, "data"), s.nats, s.ops)),
		write("prometheus.yml", fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: hustings, static_configs: [{targets: [%q]}]}]\n", s.ops)),
		write("feed.csv", "number\n+33639980001\n"),
		s.start(ctx, filepath.Join(s.folder, "dialerd"), "--config", filepath.Join(s.folder, "dialerd.yaml")),
		s.start(ctx, filepath.Join(s.tools, "prometheus"), "--config.file", filepath.Join(s.folder, "prometheus.yml"),
			"--storage.tsdb.path", filepath.Join(s.folder, "tsdb"), "--web.listen-address", s.asked, "--log.level", "error"),
	)
	if err != nil {
		return err
	}
	people := filepath.Join(s.folder, "people")
	refused := filepath.Join(s.folder, "refused.csv")
	for _, arguments := range [][]string{
		{"sample", "write", people},
		{"contacts", "import", filepath.Join(people, "contacts-1.csv"), "--source", "sample", "--refusals", refused},
		{"consent", "import", filepath.Join(people, "grants.csv"), "--source", "sample", "--refusals", refused},
		{"optout", "import", filepath.Join(people, "optouts.csv"), "--source", "sample", "--refusals", refused},
		{"list", "import", "short-code", filepath.Join(s.folder, "feed.csv"), "--file-date", "2027-03-08", "--refusals", refused},
		{"campaign", "submit", filepath.Join(people, "campaigns", "party-a-seniors.yaml")},
	} {
		if err := s.dialctl(ctx, arguments); err != nil {
			return err
		}
	}
	return nil
}

// dialctl gives one order, and waits for the daemon where it does not listen yet.
func (s *scene) dialctl(ctx context.Context, arguments []string) error {
	var output []byte
	var err error
	for range 40 {
		all := append([]string{"--data-directory", filepath.Join(s.folder, "data"), "--server", "nats://" + s.nats, "--operator", "op-anne", "--quiet"}, arguments...)
		if output, err = exec.CommandContext(ctx, filepath.Join(s.folder, "dialctl"), all...).CombinedOutput(); err == nil {
			return nil
		}
		time.Sleep(250 * time.Millisecond)
	}
	return fmt.Errorf("dialctl %s: %w: %s", strings.Join(arguments, " "), err, output)
}

// unanswered returns the questions to which Prometheus knows no answer yet.
func (s *scene) unanswered(ctx context.Context, questions []string) ([]string, error) {
	var open []string
	for _, question := range questions {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.asked+"/api/v1/query?query="+url.QueryEscape(question), nil)
		if err != nil {
			return questions, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return questions, err
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return questions, err
		}
		var answer struct {
			Status, Error string
			Data          struct{ Result []struct{ Value [2]any } }
		}
		if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
			return questions, fmt.Errorf("%s: %s %s", question, answer.Status, answer.Error)
		}
		if len(answer.Data.Result) == 0 || answer.Data.Result[0].Value[1] == "NaN" {
			open = append(open, question)
		}
	}
	return open, nil
}
