// libcurl for Swift. Swift cannot call variadic C functions, so each kind of argument of
// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt has a wrapper of its own.
#ifndef HEADWATER_CCURL_H
#define HEADWATER_CCURL_H

#include <curl/curl.h>

/// Receives response bytes or one header line; returns how many it took (fewer stop the transfer).
typedef size_t (*hw_curl_receiver)(char *_Nullable bytes, size_t size, size_t count,
                                   void *_Nullable context);

/// Sets an option that takes a long.
CURLcode hw_curl_set_long(CURL *_Nonnull easy, CURLoption option, long value);
/// Sets an option that takes a curl_off_t.
CURLcode hw_curl_set_large(CURL *_Nonnull easy, CURLoption option, curl_off_t value);
/// Sets an option that takes text; libcurl copies it.
CURLcode hw_curl_set_text(CURL *_Nonnull easy, CURLoption option, const char *_Nullable value);
/// Sets an option that takes a pointer; libcurl keeps the pointer.
CURLcode hw_curl_set_pointer(CURL *_Nonnull easy, CURLoption option, const void *_Nullable value);
/// Sets CURLOPT_WRITEFUNCTION or CURLOPT_HEADERFUNCTION.
CURLcode hw_curl_set_receiver(CURL *_Nonnull easy, CURLoption option,
                              hw_curl_receiver _Nonnull value);
/// Sets a list of header lines; libcurl keeps the pointer.
CURLcode hw_curl_set_list(CURL *_Nonnull easy, CURLoption option,
                          const struct curl_slist *_Nullable value);

/// Reads a fact that is a long.
CURLcode hw_curl_get_long(CURL *_Nonnull easy, CURLINFO info, long *_Nonnull value);
/// Reads a fact that is a curl_off_t.
CURLcode hw_curl_get_large(CURL *_Nonnull easy, CURLINFO info, curl_off_t *_Nonnull value);
/// Reads CURLINFO_PRIVATE.
void *_Nullable hw_curl_get_private(CURL *_Nonnull easy);

/// Sets a multi option that takes a long.
CURLMcode hw_curl_multi_set_long(CURLM *_Nonnull multi, CURLMoption option, long value);

/// The next finished transfer: its easy handle and result; NULL when there is none.
CURL *_Nullable hw_curl_multi_next_done(CURLM *_Nonnull multi, CURLcode *_Nonnull result);

#endif
