declare global {
  interface Window {
    __GROCERY_CONFIG__?: { backendServer?: string };
    /** What public/early.js has asked the API for before the page's own code came. */
    __GROCERY_EARLY__?: { url: string; answer: Promise<Response> };
  }
}

/**
 * Turns the configured backend address into what is put before `/api/...`.
 *
 * Empty means the page's own origin. So does an address whose host name is the page's own, whatever its port: behind a
 * load balancer the configured address cannot name the port under which a shopper reaches it.
 */
export function backendBase(configured: string | undefined, page: { hostname: string; href: string }): string {
  const value = configured?.trim() ?? '';
  if (value === '') return '';
  let url: URL;
  try {
    url = new URL(value, page.href);
  } catch {
    return '';
  }
  const path = url.pathname.replace(/\/+$/, '');
  return url.hostname === page.hostname ? path : url.origin + path;
}

/** The backend this page was configured with when its container started. */
export const BACKEND = backendBase(window.__GROCERY_CONFIG__?.backendServer, window.location);
