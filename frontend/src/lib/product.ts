/** One article of the catalogue as the page uses it. Prices are whole euro cents. */
export interface Product {
  id: number;
  name: string;
  description: string;
  category: string;
  pack: string;
  cents: number;
  image: string;
  isAlcohol: boolean;
  reviews: Review[];
}

export interface Review {
  id: number;
  author: string;
  rating: number;
  comment: string;
}
