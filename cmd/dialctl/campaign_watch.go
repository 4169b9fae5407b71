package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// The states that mean something here; the daemon names them.
const (
	stateAccepted = "accepted"
	stateClosed   = "closed"
	stateHeld     = "held"
	statePaused   = "paused"
	stateTrial    = "trial"
)

// statesInOrder are the states that a campaign passes for good. Paused and held
// ones come back.
var statesInOrder = []string{stateAccepted, "planned", "ready", stateTrial, "running", "closing", stateClosed}

// watchPoll is how often a campaign is asked for beside its events, which may be
// lost.
const watchPoll = time.Second

type watchOptions struct {
	campaigns []string
	// until is the state that ends the watch; a campaign that is past it ends
	// it, too.
	until string
}

func (a *app) campaignWatchCommand() *cobra.Command {
	options := watchOptions{}
	command := &cobra.Command{
		Use: "watch CAMPAIGN...", Short: "watch campaigns until they are closed",
		Args: wants("CAMPAIGN..."), ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			if !slices.Contains(statesInOrder, options.until) && options.until != stateHeld && options.until != statePaused {
				return usage("one of accepted, planned, ready, trial, running, paused, held, closing, closed", "%q is no state of a campaign", options.until)
			}
			options.campaigns = args
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.watch(ctx, client, options)
			})
		},
	}
	command.Flags().StringVar(&options.until, "until", stateClosed, "`state` at which to stop watching")
	_ = command.RegisterFlagCompletionFunc("until", cobra.FixedCompletions(
		slices.Concat(statesInOrder, []string{statePaused, stateHeld}), cobra.ShellCompDirectiveNoFileComp))
	return command
}

// reached tells whether the campaign is in the state, or past it for good.
func reached(state, until string) bool {
	if state == until || state == stateClosed {
		return true
	}
	at, wanted := slices.Index(statesInOrder, state), slices.Index(statesInOrder, until)
	return at >= 0 && wanted >= 0 && at >= wanted
}

// watch shows the campaigns until all of them have reached the state.
func (a *app) watch(ctx context.Context, client *queue.Client, options watchOptions) error {
	latest := map[string]*dialer.CampaignView{}
	display := a.newWatchDisplay(options.campaigns)
	defer display.close()
	for view, err := range follow(ctx, client, options.campaigns) {
		if err != nil {
			return failed("watch", err)
		}
		if view == nil {
			display.away()
			continue
		}
		latest[view.ID] = view
		if err := display.show(view); err != nil {
			return err
		}
		open := slices.ContainsFunc(options.campaigns, func(id string) bool {
			return latest[id] == nil || !reached(latest[id].State, options.until)
		})
		if !open {
			return nil
		}
	}
	return &failure{message: "interrupted", hint: "the campaigns go on, watched or not", cause: ctx.Err()}
}

// watched is a campaign's view, or why there are no more, or neither where the
// daemon gives no answer.
type watched struct {
	view *dialer.CampaignView
	err  error
}

// follow yields the campaigns' views as they come, from their events and from
// asking. It lasts until the context's end, whatever happens to the daemon
// meanwhile; while there is none, a nil view says so. Only a daemon that was
// never there, or that does not know a campaign, is an error.
func follow(ctx context.Context, client *queue.Client, campaigns []string) iter.Seq2[*dialer.CampaignView, error] {
	return func(yield func(*dialer.CampaignView, error) bool) {
		latest := map[string]time.Time{}
		for _, id := range campaigns {
			view, err := showCampaign(ctx, client, id)
			if !yield(view, err) || err != nil {
				return
			}
			latest[id] = view.Now
		}
		for w := range gather(ctx, client, campaigns) {
			if w.view != nil {
				if w.view.Now.Before(latest[w.view.ID]) {
					continue // an event that was overtaken by an answer
				}
				latest[w.view.ID] = w.view.Now
			}
			if !yield(w.view, w.err) || w.err != nil {
				return
			}
		}
	}
}

// gather brings together what the events and the answers tell, until the
// context's end. Nothing of it runs any more once it has returned.
func gather(ctx context.Context, client *queue.Client, campaigns []string) iter.Seq[watched] {
	return func(yield func(watched) bool) {
		views := make(chan watched)
		var sources sync.WaitGroup
		defer sources.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, id := range campaigns {
			sources.Go(func() { followEvents(ctx, client, id, views) })
		}
		sources.Go(func() { followAnswers(ctx, client, campaigns, views) })
		for {
			select {
			case <-ctx.Done():
				return
			case w := <-views:
				if !yield(w) {
					return
				}
			}
		}
	}
}

// followEvents sends the views that the daemon publishes. Whatever goes wrong is
// tried again: asking goes on beside it.
func followEvents(ctx context.Context, client *queue.Client, campaign string, views chan<- watched) {
	for ctx.Err() == nil {
		for event, err := range client.Watch(ctx, campaign) {
			if err == nil && event.View != nil {
				select {
				case views <- watched{view: event.View}:
				case <-ctx.Done():
				}
			}
		}
		wait(ctx, watchPoll)
	}
}

// followAnswers asks for the campaigns now and then.
func followAnswers(ctx context.Context, client *queue.Client, campaigns []string, views chan<- watched) {
	for wait(ctx, watchPoll) {
		for _, id := range campaigns {
			asking, cancel := context.WithTimeout(ctx, awayAfter)
			view, err := showCampaign(asking, client, id)
			cancel()
			if err != nil && queue.CodeOf(err) != queue.CodeNotFound {
				view, err = nil, nil // it may be about to start again
			}
			select {
			case views <- watched{view, err}:
			case <-ctx.Done():
			}
		}
	}
}

// awayAfter is how long an answer may take before the daemon counts as away.
const awayAfter = 5 * time.Second

// wait waits and tells whether the whole time passed before the context's end.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// progressText is a campaign's progress on one line.
func progressText(v *dialer.CampaignView) string {
	b := &v.Balance
	text := fmt.Sprintf("%s: %s, %s of %s dialled", v.ID, stateText(v), grouped(dialled(b)), grouped(b.Audience))
	if v.State == stateAccepted {
		text = fmt.Sprintf("%s: %s, the audience is being planned", v.ID, v.State)
	}
	if outcomes := outcomesText(b); outcomes != "" {
		text += " (" + outcomes + ")"
	}
	if v.Rate > 0 {
		text += fmt.Sprintf(", %.0f/s", v.Rate)
	}
	if v.Remaining > 0 {
		text += ", " + span(time.Duration(v.Remaining)) + " left"
	}
	if v.Forecast != nil {
		text += "; all tried " + forecastText(v)
	}
	if parked := parkedText(v); parked != "" {
		text += "; " + parked
	}
	if stop := stopText(v); stop != "" {
		text += "; " + stop
	}
	return text
}

// stopText says why nobody is dialled until somebody says so, and what to do.
func stopText(v *dialer.CampaignView) string {
	text := v.Detail
	switch {
	case v.WaitsForSignOff && v.State != statePaused:
		return "waits for the party's word on the text: dialctl campaign signoff " + v.ID
	case v.State == stateTrial && v.Trial != nil && v.Trial.Over:
		text += ": dialctl campaign release " + v.ID
	case v.State == stateHeld:
		text += ": dialctl campaign resume " + v.ID
	case v.State != statePaused:
		return ""
	}
	if p := v.Pending; p != nil {
		text = fmt.Sprintf("%s asked for by %s, waits for a second operator: dialctl campaign approve %s", p.Verb, p.Operator, v.ID)
	}
	return text
}

// outcomesText says what became of the attempts so far.
func outcomesText(b *dialer.BalanceSheet) string {
	text := inline(b.Final)
	for _, open := range []struct {
		label string
		n     uint64
	}{{"placed", b.Placed}, {"in doubt", b.InDoubt}, {"excluded later", sum(b.ExcludedLater)}} {
		if open.n == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += open.label + " " + grouped(open.n)
	}
	return text
}
