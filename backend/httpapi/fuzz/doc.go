// Package fuzz holds the fuzz targets of the HTTP interface. They are apart from its
// other tests because a fuzzer compiles everything it links anew, with instruments: the
// validator of OpenAPI documents alone takes minutes.
package fuzz
