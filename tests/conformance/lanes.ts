/**
 * Lanes: each a program under test with a scripted origin of its own, so that cases which name the same hosts and
 * channels run side by side. A case spends its time waiting, not computing.
 */
import { freePort } from "../helpers/free_port.ts";
import { Program } from "../helpers/program.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { type Place, replay } from "./replay.ts";
import type { Scenario } from "./scenario.ts";
import type { Transcript } from "./transcript.ts";

export interface Lane extends AsyncDisposable {
  readonly place: Place;
  readonly origin: ScriptedOrigin;
}

/** The routes that the cases need. `down` is a port where nobody listens. */
export function conformanceRoutes(origin: number, down: number): readonly string[] {
  return [
    `* 127.0.0.1:${origin}`,
    `down.test 127.0.0.1:${down}`,
    `failover.test 127.0.0.1:${down} 127.0.0.1:${origin}`,
    `path.test,path_beg=/api 127.0.0.1:${origin}`,
    `signed.test,sig_iss=me,sig_key=secret 127.0.0.1:${origin}`,
    `wsoh.test 127.0.0.1:${origin},over_http`,
  ];
}

/** Our own program on free ports, with the shipped defaults. */
export async function programLane(options: { readonly executable?: string } = {}): Promise<Lane> {
  const origin = ScriptedOrigin.start();
  try {
    const program = await Program.start({
      routes: conformanceRoutes(origin.port, freePort()),
      settings: { proxy: { sig_iss: "pushpin", sig_key: "changeme" } },
      ...(options.executable !== undefined && { executable: options.executable }),
    });
    const { http: proxy, control, push } = program.ports;
    return {
      place: { proxy, control, push },
      origin,
      [Symbol.asyncDispose]: async () => {
        await program.stop("SIGKILL");
        await origin.close();
      },
    };
  } catch (e) {
    await origin.close();
    throw e;
  }
}

/** About how long a case takes, in seconds: the longest begin first. */
function duration(scenario: Scenario): number {
  return scenario.steps.reduce((sum, step) => {
    if ("wait" in step) return sum + step.wait;
    return sum + ("read" in step ? step.for ?? 0.5 : 0.2);
  }, 0);
}

/** Plays all cases, each once, on whichever lane is free; `done` hears of each as it ends. */
export async function runOnLanes(
  scenarios: readonly Scenario[],
  lanes: readonly Lane[],
  done: (name: string, got: Transcript) => void,
): Promise<void> {
  const waiting = scenarios.toSorted((a, b) => duration(b) - duration(a));
  await Promise.all(lanes.map(async (lane) => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      done(next.name, await replay(next, lane.place, lane.origin));
    }
  }));
}
