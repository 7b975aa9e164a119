// Package pgtest gives tests a real PostgreSQL: one server per test binary, started
// when the first test asks for it and removed at the end, and a fresh database per
// test. It knows nothing about what is stored in it.
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	func TestX(t *testing.T) { db := pgtest.New(t) ... }
package pgtest
