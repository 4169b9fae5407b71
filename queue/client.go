package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"
)

// callWait is how long an answer may take unless the caller's context says
// otherwise: longer than an opt-out waits for a request in flight.
const callWait = 15 * time.Second

// ClientOptions is what dialctl knows of the daemon.
type ClientOptions struct {
	// URL, Credentials, Token and CA are as in ConnectOptions.
	URL         string
	Credentials string
	Token       string
	CA          string
	// DataDirectory is where the embedded server's secret lies, for use
	// without Token and Credentials.
	DataDirectory string
	Logger        zerolog.Logger
}

// Client asks the daemon and gives it orders.
type Client struct {
	conn *Conn
}

// Dial connects to the daemon's NATS server.
func Dial(options ClientOptions) (*Client, error) {
	if options.Token == "" && options.Credentials == "" && options.DataDirectory != "" {
		token, err := ReadToken(options.DataDirectory)
		if err != nil {
			return nil, err
		}
		options.Token = token
	}
	conn, err := Connect(ConnectOptions{
		URL: options.URL, Credentials: options.Credentials, Token: options.Token, CA: options.CA, Name: "dialctl", Logger: options.Logger,
	})
	if err != nil {
		return nil, err
	}
	return NewClient(conn), nil
}

// NewClient returns a client over a connection; closing it closes that.
func NewClient(conn *Conn) *Client { return &Client{conn: conn} }

// Close closes the connection.
func (c *Client) Close() { c.conn.Close() }

// URL returns the server's address, without any secret in it.
func (c *Client) URL() string { return c.conn.URL() }

// Call asks the daemon and waits for its answer, for 15 seconds unless the
// context has a deadline. The request is sent as JSON, or as it is if it is a
// []byte; nil is no request. The answer is read as JSON, or as it is if
// response is a *[]byte; nil ignores it. The daemon's failures, and that none
// answers, are a *ControlError.
func (c *Client) Call(ctx context.Context, verb Verb, request, response any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = encode(request); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
	}
	answer, err := c.call(ctx, verb, nil, body)
	if err != nil {
		return err
	}
	switch response := response.(type) {
	case nil:
	case *[]byte:
		*response = answer
	default:
		if err := json.Unmarshal(answer, response); err != nil {
			return &ControlError{
				Code: CodeInternal, Message: fmt.Sprintf("%s: the daemon's answer is not understood", verb),
				Hint: "is dialctl of another version than dialerd? see dialctl version", cause: err,
			}
		}
	}
	return nil
}

func (c *Client) call(ctx context.Context, verb Verb, header nats.Header, body []byte) ([]byte, error) {
	ctx, cancel := withDeadline(ctx, callWait)
	defer cancel()
	message, err := c.conn.nats.RequestMsgWithContext(ctx, &nats.Msg{
		Subject: ControlSubject(verb), Header: header, Data: body,
	})
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, c.nobody(ctx, verb)
	case errors.Is(err, nats.ErrMaxPayload):
		return nil, &ControlError{
			Code: CodeInvalid, Message: fmt.Sprintf("%s: the request has %d bytes, the NATS server takes %d at most",
				verb, len(body), c.conn.nats.MaxPayload()), cause: err,
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return nil, &ControlError{
			Code: CodeTimeout, Message: fmt.Sprintf("%s: the daemon on %s gave no answer in time", verb, c.URL()),
			Hint: "whether it had an effect is not known: ask for the status before you try again", cause: err,
		}
	case err != nil:
		return nil, fmt.Errorf("%s: ask the daemon on %s: %w", verb, c.URL(), err)
	}
	if code := message.Header.Get(micro.ErrorCodeHeader); code != "" {
		return nil, decodeFailure(code, message.Header.Get(micro.ErrorHeader), message.Data)
	}
	return message.Data, nil
}

// nobody tells a daemon that is not there from one that is too old for the
// verb.
func (c *Client) nobody(ctx context.Context, verb Verb) error {
	if verb != VerbStatus {
		_, err := c.conn.nats.RequestMsgWithContext(ctx, &nats.Msg{Subject: ControlSubject(VerbStatus)})
		if err == nil {
			return &ControlError{
				Code: CodeRefused, Message: fmt.Sprintf("this dialerd does not know %s", verb),
				Hint: "is dialctl newer than dialerd? see dialctl version",
			}
		}
	}
	return &ControlError{Code: CodeUnreachable, Message: noDaemon(c.URL()), Hint: hintStart}
}
