// Package secret reads the database's login from AWS Secrets Manager.
//
// It may not know who uses the login: it returns a user name and a password.
package secret
