/* A folder of a test's own, and the name of a file in it. */
#ifndef DDZ_TESTS_SCRATCH_H
#define DDZ_TESTS_SCRATCH_H

extern char scratch_folder[], scratch_file[];

/* Fixtures. The running test fails if the folder cannot be made, or has anything but the file at the end. */
void scratch_make(void);
void scratch_remove(void);

#endif
