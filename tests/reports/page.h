#ifndef LD_TEST_REPORTS_PAGE_H
#define LD_TEST_REPORTS_PAGE_H

int test_page(void);

#endif
