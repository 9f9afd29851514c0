/** The value of the Grip-Feature field that origins see: what works here, in the original's syntax and order. */
export const GRIP_FEATURES = [
  "status",
  "link:next",
  "link:gone",
  "filter:skip-self",
  "filter:skip-users",
  "filter:require-sub",
  "filter:build-id",
  "filter:var-subst",
].join(", ");
