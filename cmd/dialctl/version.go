package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/cmd/internal/build"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "which dialctl this is", Args: wants(),
		RunE: func(*cobra.Command, []string) error {
			b := build.Read()
			return a.result(b, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, "dialctl", b)
				return err
			})
		},
	}
}
