// Runs before the first paint and before the page's own code has come.
(() => {
  // A chosen theme must not flash. No choice: the system's.
  try {
    const theme = localStorage.getItem('grocery.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.style.colorScheme = theme;
  } catch {
    // Storage is switched off: the system's theme it is.
  }

  // Where the API is: the rule of backendBase in src/config/runtime.ts, which one test holds both to.
  const base = () => {
    const configured = window.__GROCERY_CONFIG__?.backendServer?.trim() ?? '';
    if (configured === '') return '';
    try {
      const url = new URL(configured, location.href);
      const path = url.pathname.replace(/\/+$/, '');
      return url.hostname === location.hostname ? path : url.origin + path;
    } catch {
      return '';
    }
  };

  // A product's page: what it shows is asked for at once, together with the code that shows it. src/lib/http.ts takes
  // the answer up; scripts/early.mjs writes the files of that code onto this script's tag.
  const product = /^\/product\/([1-9]\d{0,8})$/.exec(location.pathname)?.[1];
  if (!product) return;
  const url = `${base()}/api/v1/products/${product}`;
  const answer = fetch(url, { headers: { Accept: 'application/json' }, credentials: 'same-origin', priority: 'high', signal: AbortSignal.timeout?.(20_000) });
  window.__GROCERY_EARLY__ = { url, answer };
  answer
    .then((response) => response.clone().json())
    .then(
      ({ image_url }) => {
        if (typeof image_url !== 'string') return;
        const picture = new Image();
        picture.fetchPriority = 'high';
        picture.src = image_url;
      },
      // The page asks again, and says what is wrong.
      () => undefined,
    );
  for (const href of document.currentScript?.dataset.files?.split(' ') ?? []) {
    const link = document.createElement('link');
    link.rel = 'modulepreload';
    link.href = href;
    document.head.append(link);
  }
})();
