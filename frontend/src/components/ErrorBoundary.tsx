import { Component, type ReactNode } from 'react';
import { Button } from './Button';
import { EmptyState } from './EmptyState';

/** Catches a failure of the page itself, so that a shopper never sees a white window. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return <Fallen />;
  }
}

/** What is said when the page itself has a fault. */
export function Fallen() {
  return (
    <EmptyState level={1} sign="oops" title="Something fell off the shelf" action={<Button onClick={() => window.location.reload()}>Load the page again</Button>}>
      <p>This page ran into a problem. Your basket is safe.</p>
    </EmptyState>
  );
}
