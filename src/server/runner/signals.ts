/** The signals that reach this process; tests bring their own. */

/** Where signals come from; `listen` returns the way to stop listening. */
export interface SignalSource {
  listen(name: Deno.Signal, take: () => void): () => void;
}

/** The process's own. */
export const processSignals: SignalSource = {
  listen(name, take) {
    try {
      Deno.addSignalListener(name, take);
    } catch {
      // Windows knows only SIGINT and SIGBREAK: there is nothing that could be listened to.
      return () => {};
    }
    return () => Deno.removeSignalListener(name, take);
  },
};
