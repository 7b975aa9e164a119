import type { CSSProperties } from 'react';
import { Link } from 'react-router';
import { PriceLabel } from '@/components/PriceLabel';
import { Stars } from '@/components/Stars';
import { ADULT_AGE } from '@/config/shop';
import type { Product } from '@/lib/shop-types';
import { FEW, type ProductParts } from './ProductCard';
import styles from './ProductDetails.module.css';

/** As a link to a place on the page does it. */
function goToReviews() {
  const reviews = document.getElementById('reviews');
  reviews?.focus({ preventScroll: true });
  reviews?.scrollIntoView();
}

/** One product with everything the shop says about it. */
export function ProductDetails({ product, Action, Mark, hue }: ProductParts & { product: Product; hue: number }) {
  const { rating, stock } = product;
  return (
    <article className={styles.product} style={{ '--hue': hue } as CSSProperties}>
      <div className={styles.stand}>
        <img src={product.image_url} alt="" width={256} height={256} fetchPriority="high" />
      </div>
      <div className={styles.text}>
        <p className={styles.aisle}>
          <Link to={`/?category=${encodeURIComponent(product.category)}`}>{product.category}</Link>
        </p>
        <h1>{product.name}</h1>
        <p className={styles.pack}>
          {product.pack && <span>{product.pack}</span>}
          {rating.average !== null && (
            <Link to="#reviews" className={styles.rating} onClick={goToReviews}>
              <Stars rating={rating.average} />
              <span className="digits">
                {rating.average.toFixed(1)}, {rating.count} {rating.count === 1 ? 'review' : 'reviews'}
              </span>
            </Link>
          )}
        </p>
        <div className={styles.buy}>
          <PriceLabel cents={product.price_cents} large />
          <Action product={product} look="labelled" />
          <Mark product={product} labelled />
        </div>
        <p className={stock === 0 ? styles.out : styles.stock}>
          {stock === 0 ? 'Sold out at the moment. We are restocking.' : stock <= FEW ? `Only ${stock} left` : 'In stock'}
        </p>
        {product.is_alcohol && <p className={styles.age}>Contains alcohol. Sold to people of {ADULT_AGE} or older.</p>}
        <p className={styles.description}>{product.description}</p>
      </div>
    </article>
  );
}
