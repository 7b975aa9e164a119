import { ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useDocumentTitle } from '../use-document-title';

export default function NotFoundPage() {
  useDocumentTitle('Not found');
  return (
    <EmptyState level={1} sign="404" title="This aisle does not exist" action={<ButtonLink to="/">Back to the shop</ButtonLink>}>
      <p>The address leads nowhere in our shop.</p>
    </EmptyState>
  );
}
