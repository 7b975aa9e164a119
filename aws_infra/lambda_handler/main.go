// Command lambda_handler is the function that the restore's state machine calls. It
// restores a database dump from S3, or verifies such a restore. Called by an operator,
// it also stores a dump of the shop in S3. Package dump does the work.
//
// Events: {"action":"restore","id","bucket","key","version"},
// {"action":"verify","bucket","key","version","restored":<result of restore>},
// {"action":"backup","bucket","key"} and {"action":"login"}, which tells whether the
// database accepts the current value of the secret. The same id restores once: a second call with it
// finds the first on record and does nothing. A dump under the key INITIAL_DUMP_KEY is
// for an empty shop: one in use keeps its data, and the result says so.
//
// Environment: DB_HOST, DB_PORT, DB_NAME, DB_SECRET_ID, DB_SSLMODE, DB_SSLROOTCERT,
// AWS_REGION, and optionally REPORTS_PREFIX, under which the report of each restore is
// stored in the bucket of the dump (restore-reports/ when empty), and INITIAL_DUMP_KEY
// (db-dumps/initial.dump when empty). Reports must not be where dumps arrive, or each
// report would start a restore.
//
// A failure is returned as an error, whose type the state machine matches: a dump that
// will never do is an InvalidDumpError and not tried again, a BusyError waits for another
// restore to end, a VerifyError and an OutOfTimeError are final, and anything else is a
// RestoreError, which passes perhaps.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"grocery/internal/logging"
)

func main() {
	log := logging.New(os.Stdout, slog.LevelInfo)
	h, err := NewHandler(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}
