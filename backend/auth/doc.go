// Package auth makes and checks what proves who somebody is: password hashes
// (argon2id, and the old shop's scrypt ones) and access tokens (JWT, HS256).
//
// It may not know where accounts are stored or how a token travels.
package auth
