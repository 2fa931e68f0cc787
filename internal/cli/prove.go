package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) proveCommand() *cobra.Command {
	return &cobra.Command{Use: "prove", RunE: func(c *cobra.Command, _ []string) error { return a.prove(c.Context(), scope{}) }}
}

func (a *app) prove(context.Context, scope) error { return errors.New("prove: being built") }
