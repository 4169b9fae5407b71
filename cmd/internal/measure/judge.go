package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// verdict is what a carrier's log tells.
type verdict struct {
	// Messages were created, People are the numbers that got one.
	Messages, People uint64
	// Twice got more than one message, Torn ones from two senders.
	Twice, Torn uint64
}

func (v verdict) sound() bool { return v.Twice == 0 && v.Torn == 0 }

func (v verdict) String() string {
	return fmt.Sprintf("%s messages to %s people, %d of them twice or more, %d from two senders",
		figure(float64(v.Messages)), figure(float64(v.People)), v.Twice, v.Torn)
}

// judgeLog reads a stub's log, to its last line.
func judgeLog(path string) (verdict, error) {
	var v verdict
	file, err := os.Open(path)
	if err != nil {
		return v, fmt.Errorf("judge: %w", err)
	}
	defer func() { _ = file.Close() }()
	type past struct {
		sender string
		many   bool
	}
	senders, people := map[string]string{}, map[string]past{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		to, rest, _ := strings.Cut(lines.Text(), " ")
		from, sid, complete := strings.Cut(rest, " ")
		if !complete || len(sid) != 34 {
			return v, fmt.Errorf("judge: line %d of the carrier's log is not whole", v.Messages+1)
		}
		if _, known := senders[from]; !known {
			senders[from] = strings.Clone(from)
		}
		v.Messages++
		before, known := people[to]
		switch {
		case !known:
			people[strings.Clone(to)] = past{sender: senders[from]}
			continue
		case before.sender != from:
			v.Torn++
		}
		if !before.many {
			v.Twice++
			people[to] = past{before.sender, true}
		}
	}
	if err := lines.Err(); err != nil {
		return v, fmt.Errorf("judge: %w", err)
	}
	v.People = uint64(len(people))
	return v, nil
}
