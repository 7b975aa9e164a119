import { afterAll, afterEach, beforeAll } from 'vitest';

// Tests of the web server and of scripts run without a browser's world.
if (typeof window !== 'undefined') {
  const { cleanup } = await import('@testing-library/react');
  await import('@testing-library/jest-dom/vitest');
  const { server } = await import('./server');
  const { session } = await import('@/lib/session');

  // jsdom has the element but not its methods.
  if (!('showModal' in HTMLDialogElement.prototype)) {
    Object.assign(HTMLDialogElement.prototype as HTMLDialogElement, {
      showModal(this: HTMLDialogElement) {
        this.open = true;
      },
      close(this: HTMLDialogElement) {
        this.open = false;
        this.dispatchEvent(new Event('close'));
      },
    });
  }
  window.scrollTo = () => undefined;

  beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
  afterEach(() => {
    cleanup();
    server.resetHandlers();
    session.finish('signed-out');
    localStorage.clear();
    window.history.replaceState(null, '', '/');
  });
  afterAll(() => server.close());
}
