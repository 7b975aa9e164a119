package httpapi

import (
	"encoding/json"
	"net/http"

	shop "grocery/backend"
)

// getFavourites sends the products the caller has marked.
func (s *Server) getFavourites(w http.ResponseWriter, r *http.Request, userID int64) error {
	ids, err := s.Favourites.Favourites(r.Context(), userID)
	if err != nil {
		return err
	}
	catalogue, err := s.catalogue.get(r.Context())
	if err != nil {
		return err
	}
	products := make([]json.RawMessage, 0, len(ids))
	for _, id := range ids {
		if p, ok := catalogue.products[id]; ok {
			products = append(products, p)
		}
	}
	writeJSON(w, http.StatusOK, products)
	return nil
}

// addFavourite marks a product.
func (s *Server) addFavourite(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := decodeProductID(w, r)
	if err != nil {
		return err
	}
	if err := s.Favourites.AddFavourite(r.Context(), userID, id); err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, message("Product added to favorites"))
	return nil
}

// removeFavourite takes the mark away. Old clients know 400 for one that is not there.
func (s *Server) removeFavourite(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := decodeProductID(w, r)
	if err != nil {
		return err
	}
	err = s.Favourites.RemoveFavourite(r.Context(), userID, id)
	if shop.ErrorCode(err) == shop.ENOTFOUND {
		return shop.Errorf(shop.EINVALID, "%s", shop.ErrorMessage(err))
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Product removed from favorites"))
	return nil
}

// getFavouritesV1 sends the products the caller has marked, oldest mark first.
func (s *Server) getFavouritesV1(w http.ResponseWriter, r *http.Request, userID int64) error {
	ids, err := s.Favourites.Favourites(r.Context(), userID)
	if err != nil {
		return err
	}
	products, err := s.Search.ProductsByID(r.Context(), ids)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": newProductsV1(products)})
	return nil
}

// putFavourite marks a product; marking twice is no error.
func (s *Server) putFavourite(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.Favourites.AddFavourite(r.Context(), userID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteFavourite takes the mark away, if there is one.
func (s *Server) deleteFavourite(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.Favourites.RemoveFavourite(r.Context(), userID, id); err != nil && shop.ErrorCode(err) != shop.ENOTFOUND {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
