/* Figures that show curves of single runs: losses, weights and attention against time (1a, 1b, 9, 10). Each fills the
 * page from its study's runs (figure.h). ERR_INPUT: a curve is missing. */
#ifndef CURVES_H
#define CURVES_H
#include "page.h"

enum status curves_1a(struct page *page);
enum status curves_1b(struct page *page);
enum status curves_9(struct page *page);
enum status curves_10(struct page *page);

#endif
