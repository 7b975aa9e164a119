package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	shop "grocery/backend"
)

// The largest JSON bodies that are read, in bytes.
const (
	maxBody = 64 << 10
	// maxBasketBody is for the whole basket of an old client, whose lines hold the
	// product too.
	maxBasketBody = 1 << 20
)

// decode reads the request's JSON body into v. Fields it does not know are ignored:
// old clients send more than they need to.
func decode(w http.ResponseWriter, r *http.Request, v any) error { return decodeUpTo(w, r, maxBody, v) }

// decodeUpTo is decode for a body of at most some bytes.
func decodeUpTo(w http.ResponseWriter, r *http.Request, most int64, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return shop.Errorf(shop.ETOOLARGE, "The request body must be at most %d bytes", most)
		}
		return shop.Errorf(shop.EINVALID, "The request body could not be read")
	}
	if err := json.Unmarshal(body, v); err != nil {
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
			return shop.Errorf(shop.EINVALID, "%s has the wrong type", t.Field)
		}
		if n, ok := errors.AsType[*notANumber](err); ok {
			return shop.Errorf(shop.EINVALID, "%s", n.Error())
		}
		return shop.Errorf(shop.EINVALID, "The request body must be valid JSON of the expected shape")
	}
	return nil
}

// number is a whole number in a request. Old clients send some of them as strings.
type number int64

type notANumber struct{}

func (*notANumber) Error() string { return "ids, quantities and ratings must be whole numbers" }

func (n *number) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(string(bytes.Trim(b, `"`)), 10, 64)
	if err != nil {
		return &notANumber{}
	}
	*n = number(i)
	return nil
}

// productRef is a body that names one product.
type productRef struct {
	ProductID number `json:"product_id"`
}

func decodeProductID(w http.ResponseWriter, r *http.Request) (int64, error) {
	var ref productRef
	if err := decode(w, r, &ref); err != nil {
		return 0, err
	}
	if ref.ProductID < 1 {
		return 0, shop.Errorf(shop.EINVALID, "product_id must be the id of a product")
	}
	return int64(ref.ProductID), nil
}

// pathID returns the product id in the path.
func pathID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, shop.Errorf(shop.EINVALID, "Invalid product ID")
	}
	return id, nil
}
