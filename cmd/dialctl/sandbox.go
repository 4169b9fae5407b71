package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

func (a *app) sandboxCommand() *cobra.Command {
	return group("sandbox", "the carrier that only pretends: its clock, its faults and its log",
		a.sandboxClockCommand(), a.sandboxFaultsCommand(), a.sandboxOutageCommand(), a.sandboxRingBackCommand(), a.sandboxVerdictCommand())
}

func (a *app) sandboxClockCommand() *cobra.Command {
	var advance time.Duration
	var speed float64
	command := &cobra.Command{
		Use: "clock", Short: "show, advance or speed up the sandbox's time; refused with a real carrier", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			if advance < 0 || speed < 0 {
				return usage("such as --advance 36h or --speed 600", "the sandbox's time only goes forward")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				status, err := moveClock(ctx, client, a.operator, queue.SandboxClock{Advance: dialer.Duration(advance), Speed: speed})
				if err != nil {
					return failed("move the sandbox's clock", err)
				}
				return a.result(status, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "SANDBOX clock: %s, %g times real time\n", instant(status.Now), status.Speed)
					return err
				})
			})
		},
	}
	command.Flags().DurationVar(&advance, "advance", 0, "move it forward, such as 36h")
	command.Flags().Float64Var(&speed, "speed", 0, "sandbox seconds a real second")
	return command
}

// moveClock moves the sandbox's time through the daemon, or itself where the
// sandbox is a process of its own on this machine. Asked for nothing it only
// tells the time.
func moveClock(ctx context.Context, client *queue.Client, operator string, asked queue.SandboxClock) (queue.Status, error) {
	var status queue.Status
	if err := client.Call(ctx, queue.VerbStatus, nil, &status); err != nil {
		return status, err
	}
	if !status.Sandbox {
		return status, &failure{message: "the carrier is " + status.Carrier, hint: "a real carrier lives in real time"}
	}
	if asked == (queue.SandboxClock{}) {
		return status, nil
	}
	signed := asked
	signed.Operator = operator
	err := client.Call(ctx, queue.VerbSandboxClock, signed, &status)
	if queue.CodeOf(err) != queue.CodeRefused || status.CarrierURL == "" {
		return status, err
	}
	now, err := moveSandbox(ctx, status.CarrierURL, asked)
	status.Now, status.Speed = now.Now, now.Speed
	return status, err
}

// sandboxClock is what a sandbox says of its time.
type sandboxClock struct {
	Now   time.Time `json:"now"`
	Speed float64   `json:"speed"`
}

// moveSandbox moves the time of a sandbox in a process of its own.
func moveSandbox(ctx context.Context, base string, asked queue.SandboxClock) (sandboxClock, error) {
	var now sandboxClock
	body := map[string]any{}
	if asked.Speed > 0 {
		body["speed"] = asked.Speed
	}
	if asked.Advance > 0 {
		body["advance"] = time.Duration(asked.Advance).String()
	}
	return now, askSandbox(ctx, base, "clock", body, &now)
}

// askSandbox posts to one of the sandbox's own paths, which answer on this
// machine alone, and decodes the answer where that is wanted.
func askSandbox(ctx context.Context, base, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("ask the sandbox: %w", err)
	}
	content, err := requestSandbox(ctx, http.MethodPost, base, path, text)
	if err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(content, answer); err != nil {
		return fmt.Errorf("read the sandbox's answer: %w", err)
	}
	return nil
}

// requestSandbox asks on one of the sandbox's own paths and returns the answer.
func requestSandbox(ctx context.Context, method, base, path string, body []byte) ([]byte, error) {
	address, err := url.JoinPath(base, "sandbox", path)
	if err != nil {
		return nil, fmt.Errorf("the sandbox's address: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the sandbox: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		// The error of the client quotes the address only.
		return nil, fmt.Errorf("ask the sandbox: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, 2*sandbox.MaximumFaultsFile))
	if err != nil {
		return nil, fmt.Errorf("ask the sandbox: %w", err)
	}
	if response.StatusCode/100 != 2 {
		var refused struct {
			Error string `json:"error"`
			Hint  string `json:"hint"`
		}
		_ = json.Unmarshal(content, &refused)
		return nil, &failure{message: "the sandbox refused: " + refused.Error, hint: refused.Hint}
	}
	return content, nil
}
