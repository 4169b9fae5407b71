// Package build tells which program this is.
package build

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Build is what a binary knows of its making.
type Build struct {
	Version string `json:"version"`
	// Commit is the first twelve digits of the commit's hash, and Time its instant.
	Commit string `json:"commit,omitempty"`
	Time   string `json:"time,omitempty"`
	// Modified: the binary was made of more than the commit holds.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

const commitLength = 12

// Read returns what this binary knows. What it does not know stays empty.
func Read() Build {
	b := Build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value[:min(commitLength, len(setting.Value))]
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// String is the build in one line, as people read it.
func (b Build) String() string {
	commit := ""
	if b.Commit != "" {
		commit = " commit " + b.Commit
	}
	if b.Modified {
		commit += " with changes"
	}
	return b.Version + commit + " (" + b.Go + ", " + b.Platform + ")"
}

// Version is the version of this binary with its commit, in one word.
func Version() string {
	b := Read()
	if b.Commit == "" || strings.Contains(b.Version, b.Commit) {
		return b.Version
	}
	return b.Version + "+" + b.Commit
}
