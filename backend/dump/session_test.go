package dump_test

import "testing"

func TestARestoreEndsEverySession(t *testing.T) {
	signIn := `INSERT INTO sessions (user_id, created_at, expires_at) SELECT min(id), now(), now() + interval '30 days' FROM users`
	token := `INSERT INTO refresh_tokens (hash, session_id, expires_at) SELECT sha256('x'), max(id), now() + interval '30 days' FROM sessions`
	from := inUse(t)
	from.Exec(t, "UPDATE users SET tokens_since = now()")
	from.Exec(t, signIn)
	from.Exec(t, token)
	for name, args := range map[string][]string{"COPY": nil, "INSERT": {"--inserts"}, "an archive": {"-Fc"}} {
		t.Run(name, func(t *testing.T) {
			into := inUse(t)
			into.Exec(t, signIn)
			into.Exec(t, token)
			restore(t, into, from.Dump(t, args...))
			var users, sessions, tokens int
			into.QueryRow(t, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions), (SELECT count(*) FROM refresh_tokens)", &users, &sessions, &tokens)
			if users == 0 || sessions != 0 || tokens != 0 {
				t.Errorf("%d users, %d sessions, %d refresh tokens: a token would open the account that has its owner's id now", users, sessions, tokens)
			}
		})
	}
}
