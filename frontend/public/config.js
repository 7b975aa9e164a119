// Written anew by the container at start from REACT_APP_BACKEND_SERVER. Empty: the API is on the page's own origin.
window.__GROCERY_CONFIG__ = { backendServer: "" };
