// Loaded once before the first call, so that the loader of modules is warm.
export default null
