// Command grocery deploys the shop, to AWS or to the local AWS that it also
// runs, and operates it there. Each command is a thin shell over package ops.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, as in the long help.
const (
	exitFailed      = 1   // what was asked for could not be done
	exitUsage       = 2   // the command line is wrong
	exitChanges     = 2   // plan --detailed-exitcode: there are changes, as Terraform says it
	exitUnhealthy   = 3   // status, doctor: something does not work
	exitInterrupted = 130 // ended by a signal
)

// exitError carries an exit code other than exitFailed; without an error there
// is nothing to be said but the code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok && e.err == nil {
		return e.code // said in full already
	}
	fmt.Fprintln(os.Stderr, "grocery:", err)
	if e, ok := errors.AsType[*exitError](err); ok && e.code == exitInterrupted {
		return e.code // it says how to go on
	}
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "grocery: interrupted; run the same command again to continue")
		return exitInterrupted
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}

func newRootCommand() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "grocery",
		Short: "Deploy and operate the grocery shop, on AWS or on a local AWS",
		Long: `Deploy and operate the grocery shop, on AWS or on a local AWS.

Exit codes: 0 done; 1 it could not be done; 2 wrong command line, or, of plan
--detailed-exitcode, changes; 3 status or doctor found something that does not
work; 130 interrupted (run the same command again to continue).`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	g.AddFlags(root.PersistentFlags())
	root.AddCommand(
		newUpCommand(g), newDownCommand(g), newDestroyCommand(g), newBootstrapCommand(g), newDeployCommand(g), newRecoverCommand(g), newStatusCommand(g),
		newImageTagCommand(g), newPlanCommand(g), newImagesCommand(g), newApplyCommand(g), newReleaseCommand(g), newVerifyCommand(g),
		newRollbackCommand(g), newScaleCommand(g), newRotateCommand(g), newDoctorCommand(g),
		newBackupCommand(g), newRestoreCommand(g),
		newLogsCommand(g), newEnvCommand(g), newSetupCommand(g), newLocalawsCommand(g), newDevCommand(g),
	)
	for _, c := range root.Commands() {
		if c.Args == nil {
			c.Args = noArgs
		}
	}
	return root
}

// noArgs refuses arguments as a usage error.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &exitError{exitUsage, fmt.Errorf("%s takes no arguments, got %q: see %s --help", c.CommandPath(), args[0], c.CommandPath())}
	}
	return nil
}

// noSuchCommand refuses what is no command of a group of commands.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		meant := ""
		c.SuggestionsMinimumDistance = 2 // typing errors
		if like := c.SuggestionsFor(args[0]); len(like) > 0 {
			meant = " (is " + strings.Join(like, " or ") + " meant?)"
		}
		return &exitError{exitUsage, fmt.Errorf("there is no command %q%s: see %s --help", args[0], meant, c.CommandPath())}
	}
	return nil
}
