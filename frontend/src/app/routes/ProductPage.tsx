import { useParams } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useCategories, useNeighbours, useProduct } from '@/features/catalogue/api/products';
import { ProductDetails } from '@/features/catalogue/components/ProductDetails';
import { Shelf } from '@/features/catalogue/components/Shelf';
import { hueOf } from '@/features/catalogue/hues';
import { Reviews } from '@/features/reviews/components/Reviews';
import { ApiError, messageFor } from '@/lib/http';
import { Action, Mark } from '../goods';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function ProductPage() {
  const { id = '' } = useParams();
  return /^[1-9]\d{0,8}$/.test(id) ? <OneProduct key={id} id={Number(id)} /> : <Unknown />;
}

function OneProduct({ id }: { id: number }) {
  const { data: product, error, isPending, refetch } = useProduct(id);
  const categories = useCategories().data?.items ?? [];
  const neighbours = useNeighbours(product);
  useDocumentTitle(product?.name ?? '');

  if (isPending) return <p className={styles.wait}>Looking on the shelf…</p>;
  if (error instanceof ApiError && error.status === 404) return <Unknown />;
  if (!product) {
    return (
      <EmptyState level={1} sign="back soon" title="The shop is closed for a moment" action={<Button onClick={() => void refetch()}>Try again</Button>}>
        <p>{messageFor(error)}</p>
      </EmptyState>
    );
  }
  const hue = hueOf(categories.findIndex((c) => c.name === product.category));
  return (
    <div className={styles.page}>
      <ProductDetails product={product} Action={Action} Mark={Mark} hue={hue} />
      <Reviews productId={id} name={product.name} />
      {neighbours.length > 0 && (
        <Shelf label="Next to it on the shelf" heading={<h2 className={styles.sub}>Next to it on the shelf</h2>} products={neighbours} Action={Action} Mark={Mark} hue={hue} />
      )}
    </div>
  );
}

function Unknown() {
  useDocumentTitle('Not found');
  return (
    <EmptyState level={1} sign="sold out" title="Not on our shelves" action={<ButtonLink to="/">Back to the shop</ButtonLink>}>
      <p>This product does not exist, or we no longer sell it.</p>
    </EmptyState>
  );
}
