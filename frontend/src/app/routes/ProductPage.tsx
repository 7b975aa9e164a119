import { useParams } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useProducts } from '@/features/catalogue/api/get-products';
import { ProductDetails } from '@/features/catalogue/components/ProductDetails';
import { Shelf } from '@/features/catalogue/components/Shelf';
import { hueOf } from '@/features/catalogue/hues';
import { byCategory } from '@/features/catalogue/search';
import { messageFor } from '@/lib/api-client';
import { AddToBasket } from '../AddToBasket';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

const NEIGHBOURS = 7;

export default function ProductPage() {
  const { id } = useParams();
  const products = useProducts();
  const product = products.data?.find((p) => String(p.id) === id);
  useDocumentTitle(product?.name ?? '');

  if (products.isPending) return <p className={styles.wait}>Looking on the shelf…</p>;
  if (!products.data) {
    return (
      <EmptyState level={1} sign="back soon" title="The shop is closed for a moment" action={<Button onClick={() => void products.refetch()}>Try again</Button>}>
        <p>{messageFor(products.error)}</p>
      </EmptyState>
    );
  }
  if (!product) {
    return (
      <EmptyState level={1} sign="sold out" title="Not on our shelves" action={<ButtonLink to="/">Back to the shop</ButtonLink>}>
        <p>This product does not exist, or we no longer sell it.</p>
      </EmptyState>
    );
  }
  const aisles = byCategory(products.data);
  const hue = hueOf([...aisles.keys()].indexOf(product.category));
  const aisle = aisles.get(product.category)!;
  const at = aisle.indexOf(product);
  const neighbours = [...aisle.slice(at + 1), ...aisle.slice(0, at)].slice(0, NEIGHBOURS);
  return (
    <div className={styles.page}>
      <ProductDetails product={product} Action={AddToBasket} hue={hue} />
      {neighbours.length > 0 && (
        <Shelf label="Next to it on the shelf" heading={<h2 className={styles.sub}>Next to it on the shelf</h2>} products={neighbours} Action={AddToBasket} hue={hue} />
      )}
    </div>
  );
}
