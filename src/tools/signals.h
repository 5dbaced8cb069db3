/* Signals that end a program by default, but for those of its own faults. */
#ifndef DDZ_TOOLS_SIGNALS_H
#define DDZ_TOOLS_SIGNALS_H

/* Any thread may call it. */
typedef void (*signal_handler)(int number);

/* Those that would end the program go to the handler; one that is ignored (nohup), or has a handler, stays so. */
void signals_catch(signal_handler handler);

/* Those that go to the handler end the program again. */
void signals_release(signal_handler handler);

#endif
