// Package kms is AWS KMS: symmetric keys with policies, aliases, rotation and
// deletion windows, and encryption under them. Key material is sealed before it
// reaches the store and never leaves the package. Asymmetric, HMAC, imported
// and multi-Region keys and grants are not offered. It knows the store and
// typed requests, never HTTP.
package kms
