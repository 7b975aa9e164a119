package shop

import "context"

// Product is one article of the catalogue with the reviews written about it.
type Product struct {
	ID          int64
	Name        string
	Category    string
	Description string
	Pack        string // what one unit is, such as "500 g"; may be empty
	Price       Cents
	ImageURL    string
	IsAlcohol   bool
	Stock       int      // how many can be bought now
	Rating      Rating   // what its reviews amount to
	Reviews     []Review // only in a Catalogue
}

// Rating is what the reviews of a product amount to.
type Rating struct {
	Average float64 // 1 to 5, to one decimal; 0 when there is no review
	Count   int
}

// Catalogue is every product, ordered by id, as of one moment.
type Catalogue struct {
	// Version grows with every change of a product or a review. Two catalogues
	// of one database with the same version are the same.
	Version  int64
	Products []Product
}

// CatalogueService reads the catalogue. Its answers may come from a read replica,
// but never from before a change that was made through the same service.
type CatalogueService interface {
	// CatalogueVersion returns the version that Catalogue would return now.
	CatalogueVersion(ctx context.Context) (int64, error)
	// CatalogueKnown returns the newest version that this server knows of, such as
	// by a change of its own, without asking the database.
	CatalogueKnown() int64
	// Catalogue returns the whole catalogue as one snapshot. EUNAVAILABLE when no
	// database answers.
	Catalogue(ctx context.Context) (*Catalogue, error)
}
