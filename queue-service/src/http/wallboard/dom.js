// Small helpers to write the page. Text only ever goes in as text, whatever a name holds.

/** The element with an id of index.html. */
export const byId = (id) => document.getElementById(id);

/** A new element with a class and a text. */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** An icon of the embedded font, for the eye only. */
export function icon(code) {
  const element = make("span", "icon", code);
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** Sets a text when it differs, so that nothing is drawn anew without need. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets a class when it differs. */
export function dress(element, className) {
  if (element.className !== className) element.className = className;
}

/**
 * Makes the children of `parent` those of `list`, in order: one element an item, kept from one call to the next by
 * `key`; `create` makes it and `update` fills it.
 */
export function keep(parent, list, key, create, update) {
  const old = new Map();
  for (const child of [...parent.children]) old.set(child.dataset.key, child);
  let place = parent.firstElementChild;
  for (const item of list) {
    const id = String(key(item));
    let child = old.get(id);
    if (child) {
      old.delete(id);
    } else {
      child = create(item);
      child.dataset.key = id;
    }
    update(child, item);
    if (child === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(child, place);
    }
  }
  for (const child of old.values()) child.remove();
}
